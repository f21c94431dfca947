//! Locks of this process.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock. What it guards is whole at any time, so a panic of another holder spoils nothing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The one table of which name in `template.yaml` is which handler.

use shared::BoxError;

use crate::invoke::Handlers;
use crate::stack::Wiring;

/// Every function, wired to the stores in `wiring`.
///
/// # Errors
///
/// When the environment is not what the functions expect.
pub fn handlers(_wiring: &Wiring) -> Result<Handlers, BoxError> {
    Ok(Handlers::new())
}

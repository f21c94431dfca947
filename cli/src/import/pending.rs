//! The keys of requests whose import is not known yet.
//!
//! A request that is sent again with its `Idempotency-Key` makes no second import. So the key is kept beside the profile
//! from before the request until its answer, whatever ends the command between.

use std::fs;
use std::io;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::service::{Settings, keep_private};
use crate::source::Source;

/// How many bytes are hashed at once.
const PIECE: u64 = 256 * 1024;

/// The key of a request that may have been sent.
#[derive(Debug)]
pub(super) struct PendingKey {
    path: PathBuf,
    pub(super) key: String,
}

impl PendingKey {
    /// Returns the key with which this file was sent with these options, if that ended without an answer, or another one.
    ///
    /// # Errors
    ///
    /// If it cannot be kept.
    pub(super) fn of(
        settings: &Settings,
        source: &Source,
        fields: &[(&str, String)],
    ) -> Result<Self, Failure> {
        let mut hash = Sha256::new();
        for text in [settings.url.as_str()]
            .into_iter()
            .chain(fields.iter().flat_map(|(name, value)| [name, value.as_str()]))
        {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        let mut at = 0;
        loop {
            let piece = source.bytes(at, at + PIECE)?;
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
            hash.update(&piece);
        }
        let path = settings
            .folder()
            .join("pending")
            .join(HEXLOWER.encode(&hash.finalize()));
        match fs::read_to_string(&path) {
            Ok(key) if !key.is_empty() => Ok(Self { path, key }),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::reading(&path, &error)),
            _ => {
                let mut pending = Self {
                    path,
                    key: String::new(),
                };
                pending.renew()?;
                Ok(pending)
            }
        }
    }

    /// Takes another key, because the request with the present one leads nowhere.
    ///
    /// # Errors
    ///
    /// If it cannot be kept.
    pub(super) fn renew(&mut self) -> Result<(), Failure> {
        self.key = uuid::Uuid::new_v4().to_string();
        keep_private(&self.path, self.key.as_bytes())
    }

    /// Forgets the key, because the import is known.
    pub(super) fn forget(self) {
        // One that stays leads to the import that it made, which is no harm.
        let _ = fs::remove_file(self.path);
    }
}

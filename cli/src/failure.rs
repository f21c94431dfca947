//! Why the command ends without having done what it was asked for.

use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Why the command ends without having done what it was asked for.
///
/// Each kind has its exit code, so that scripts can tell them apart.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Rows are at fault; what there is to say of them has been said.
    #[error("rows are at fault")]
    Rows,
    /// The command is used wrongly, or a file on this machine cannot be read or written.
    #[error("{0}")]
    Usage(String),
    /// The file is refused as a whole.
    #[error("{0}")]
    Refused(String),
    /// The user is not signed in, or is not allowed to do that.
    #[error("{0}")]
    Denied(String),
    /// The service is not reached, or cannot answer now. The same may succeed later.
    #[error("{0}")]
    Unreached(String),
    /// The user interrupted the command.
    #[error("interrupted")]
    Interrupted,
    /// The program that reads standard output has closed it.
    #[error("standard output was closed")]
    OutputClosed,
}

impl Failure {
    /// The exit code of what Ctrl-C ended, as a shell shows it.
    pub(crate) const INTERRUPTED: u8 = 130;

    /// Returns the exit code.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Rows => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::Denied(_) => 4,
            Self::Unreached(_) => 5,
            Self::Interrupted => Self::INTERRUPTED,
            // As a shell shows a program that ends by SIGPIPE.
            Self::OutputClosed => 141,
        })
    }

    /// Returns whether there is something to say on standard error.
    pub(crate) fn is_told(&self) -> bool {
        !matches!(self, Self::Rows | Self::Interrupted | Self::OutputClosed)
    }

    /// Returns the failure of reading `path`.
    pub(crate) fn reading(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self::Usage(match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file {path}; check its name and folder"),
            io::ErrorKind::IsADirectory => format!("{path} is a folder; name a file in it"),
            io::ErrorKind::PermissionDenied => {
                format!("you are not allowed to read {path}; ask its owner, or copy it")
            }
            _ => format!("{path} cannot be read ({error})"),
        })
    }

    /// Returns the failure of writing `path`.
    pub(crate) fn writing(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self::Usage(match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!(
                    "{path} cannot be written, because the disk is full; free some space, or name a file on another disk"
                )
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                format!("you are not allowed to write {path}; name another file")
            }
            _ => format!("{path} cannot be written ({error})"),
        })
    }

    /// Returns the failure of writing to standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Usage(format!("standard output cannot be written ({error})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_or_written_says_what_to_do() {
        let path = Path::new("people.csv");
        let text = |failure: Failure| failure.to_string();
        assert_eq!(
            text(Failure::reading(path, &io::ErrorKind::NotFound.into())),
            "there is no file people.csv; check its name and folder"
        );
        assert_eq!(
            text(Failure::writing(path, &io::ErrorKind::StorageFull.into())),
            "people.csv cannot be written, because the disk is full; free some space, or name a file on another disk"
        );
        assert!(!Failure::output(&io::ErrorKind::BrokenPipe.into()).is_told());
    }
}

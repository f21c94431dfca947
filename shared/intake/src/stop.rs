//! Why a run stops before the end of the file.

use errors::Error;
use files::Unreadable;
use sheet::FileFault;

/// Why a run stops before the end of the file.
pub(super) enum Stop {
    /// The file as a whole is to blame, for this reason.
    Refused(String),
    /// A caller asked for the end.
    Cancelled,
    /// The import is another run's, or finished.
    Superseded,
    /// An account is not what it was when the checkpoint was prepared: the condition of that action has failed, of
    /// those that the segment brings along.
    Stale(usize),
    /// Another try may cure it.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<FileFault> for Stop {
    fn from(fault: FileFault) -> Self {
        Self::Refused(fault.to_string())
    }
}

impl From<Unreadable> for Stop {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Gone => Self::Refused(
                "the file was deleted or written over before it was read; send it again".to_owned(),
            ),
            Unreadable::Failed(error) => Self::Failed(error),
        }
    }
}

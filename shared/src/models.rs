//! The values the service is about, parsed once at the edge and trusted afterwards.
//!
//! Nothing here does input or output, reads a clock or makes a random number: times and ids come in
//! as arguments. JSON bodies and CSV rows take one road: both become a draft of [`Given`] members,
//! and the draft's `parse` is the only way to a value that carries a rule.

mod account_type;
mod by_text;
mod contact;
mod draft;
mod email;
mod fold;
mod given;
mod id;
pub mod import;
mod name;
mod phone;
mod role;
mod tally;
mod time;
mod user;
mod violation;

pub use account_type::{AccountType, UnknownAccountType};
pub use contact::{Contact, ContactDraft, ContactPatch, ContactView, NewContact};
pub use draft::Change;
pub use email::{Email, InvalidEmail};
pub use fold::fold;
pub use given::Given;
pub use id::{ContactId, ImportId, InvalidId, RequestMark, Slot, SubjectId, UserId};
pub use name::{ExternalUserId, FileName, InvalidText, Name, PlanId, Text};
pub use phone::{InvalidPhone, Phone};
pub use role::{Role, Roles, UnknownRole};
pub use tally::{Share, Tally};
pub use time::{InvalidTimestamp, Timestamp};
pub use user::{Member, NewUser, UnknownMember, User, UserDraft, UserPatch, UserView};
pub use violation::{Code, Place, Severity, Violation};

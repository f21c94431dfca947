//! What a person is: values that are parsed once at the edge and trusted afterwards, roles, and what each role may do.
//!
//! Nothing here does input or output or reads a clock: times come in as arguments. JSON bodies and CSV rows take one road: both become a draft of [`Given`] members,
//! and the draft's `parse` is the only way to a value that carries a rule.
//!
//! ```
//! use roster::{Given, Member, Role, Roles, UserDraft};
//!
//! let draft = UserDraft {
//!     email: Given::from("Ada@Example.org "),
//!     first_name: Given::from("Ada"),
//!     mobile_number: Given::from("12345"),
//!     roles: Given::from("ROLE_COLLABORATOR"),
//!     ..UserDraft::default()
//! };
//!
//! let violations = draft.clone().parse(Roles::ALL).unwrap_err();
//! assert_eq!(violations[0].place.member(), Some(Member::MobileNumber));
//!
//! let new = UserDraft { mobile_number: Given::Absent, ..draft }.parse(Roles::ALL).unwrap();
//! assert_eq!(new.email().as_str(), "Ada@Example.org");
//! ```

mod account_type;
mod action;
mod by_text;
mod contact;
mod domain;
mod draft;
mod email;
mod fold;
mod given;
mod id;
pub mod invisible;
mod name;
mod phone;
mod recorded;
mod rights;
mod role;
mod sheet_error;
mod tally;
mod time;
mod user;
mod violation;
mod words;

pub use account_type::{AccountType, UnknownAccountType};
pub use action::AccountAction;
pub use contact::{Contact, ContactDraft, ContactPatch, ContactView, NewContact};
pub use draft::{Change, Faults, Written, objection};
pub use email::{Email, InvalidEmail};
pub use fold::fold;
pub use given::Given;
pub use id::{ContactId, ImportId, InvalidId, RequestMark, Slot, SubjectId, UserId};
pub use name::{ExternalUserId, FileName, InvalidText, Name, PlanId, Text};
pub use phone::{Country, InvalidPhone, Phone, UnknownCountry};
pub use recorded::Recorded;
pub use rights::{Right, assignable, rights};
pub use role::{Role, Roles, UnknownRole};
pub use sheet_error::is_one as is_spreadsheet_error;
pub use tally::{Share, Tally};
pub use time::{InvalidTimestamp, Timestamp};
pub use user::{
    Member, MemberChange, Members, NewUser, Profile, ProfilePatch, UnknownMember, User, UserDraft, UserPatch,
    UserView,
};
pub use violation::{Code, Place, Severity, Violation};
pub use words::{WORDS, Words, bare, flag_of_word};

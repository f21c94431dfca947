//! The DynamoDB table, and one store for each resource that it holds.
//!
//! Every item's key, in one place:
//!
//! | item | PK | SK | kept in | what |
//! |---|---|---|---|---|
//! | user | `U#<slot>` | `U` | `users` | the slot is that of the address given at creation |
//! | address | `U#<slot>` | `U` | `users` | an address that an account was given later; points to the account's slot |
//! | token | `T#<SHA-256 of the token>` | `T` | `tokens` | user id and expiry; of an issuer's token, that it was revoked |
//! | tokens in force | `V#<user id>` | `V` | `tokens` | the tokens of a user that are in force, for their limit |
//! | subject | `X#<hash of issuer and subject>` | `X` | `users` | the account that the issuer's subject signs in as |
//! | history | `H#<user id>` | time and version | `history` | one act on the account; `end` is the one that deleted it |
//! | contact | `C#<owner id>` | comparison form of the address | `contacts` | one person in the owner's address book |
//! | deletion | `D` | `<time>#<owner id>` | `contacts` | the owner was deleted; from then on the rest of the contacts can go |
//! | import | `I#<import id>` | `I` | `intake::store` | state, options, counts, checkpoint, lease |
//! | row errors | `I#<import id>` | `E#<first line, 10 digits>` | `intake::store` | a chunk of errors |
//! | warnings | `I#<import id>` | `W#<first line, 10 digits>` | `intake::store` | a chunk of warnings |
//! | causes | `I#<import id>` | `C` | `intake::store` | the row errors and warnings grouped by cause |
//! | rejected rows | `I#<import id>` | `R#<first line, 10 digits>` | `intake::store` | where those of a checkpoint are |
//! | record | `I#<import id>` | `H#<first line, 10 digits>` | `intake::store` | where the record of the rows of a checkpoint is |
//! | open uploads | `O#<user id>` | `O` | `intake::store` | until when each upload URL of the user is valid |
//! | late writes | `L` | `<import id>#<random>` | `intake::store` | where a run that lost its import may still write |
//! | file | `F#<hash of sender, bytes and options>` | `F` | `intake::store` | the import that was made of it |
//! | request | `K#<hash of caller and Idempotency-Key>` | `K` | `replays` | its sealed answer, and `P#…` further parts of it |
//! | counters | `S` | `0` to `7` | `counters` | numbers of users, sharded so that transactions do not collide |
//! | administrators | `S` | `A` | `counters` | how many enabled system administrators there are |
//! | change note | `Q#0` | `<UUID of version 7>` | `notes` | entries of users that the index has to learn of, or the name of an object with them |
//! | manifest | `Q#0` | `M` | `manifest` | the segments of the index of users, and who works on them |
//! | export | `E#<hash of caller and query>` | `X` | `exports` | a file of users that was asked for, and where it is |
//! | cursor secret | `Q#0` | `K` | `manifest` | by what cursors of listings are sealed |
//!
//! The index `listing` (`LPK`, `LSK`) holds users in eight parts, `U#0` to `U#7`, sorted by the
//! comparison form of the address, and imports in one, `I`, sorted by time. It lags behind on AWS, so
//! nothing that decides ever reads it. The index `by-id` (`PK`, `ID`) finds an owner's contact by its id;
//! it lies in the same partition and is read consistently.

mod contacts;
mod counters;
mod exports;
mod history;
mod listing;
mod manifest;
mod notes;
mod replays;
mod search;
mod table;
mod takeovers;
mod tokens;
mod users;

pub use contacts::{Batch, Changed, ContactStore, Finished, StoredContact};
pub use exports::{Export, ExportFormat, ExportStore, ExportedFile};
pub use history::{HistoryChange, HistoryLine, HistoryPage, HistorySlice, HistoryStore};
pub use index::{Filter, Order, Place, SortBy};
pub use listing::{Found, Listing};
pub use manifest::{Garbage, IndexState, IndexStore, Lease, Manifest, Progress, SegmentFile};
pub use notes::{Note, Noted};
pub use replays::{Attempt, Begun, ReplayStore};
pub use table::{Item, Key, Refused, Table, When, from_item, is_refused, to_item, to_value};
pub use takeovers::{Takeovers, import_key};
pub use tokens::{Credential, NewToken, Token, TokenRecord, TokenStore, WhenFull};
pub use users::{
    Account, AccountRecord, AccountScan, Former, FormerMark, Holder, Replaced, UserStore, Written, holder,
    key as slot_key,
};

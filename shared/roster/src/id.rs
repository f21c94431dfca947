//! The names of things. All of them are made of letters and digits and may be logged.

use std::{fmt, str::FromStr};

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Email,
    by_text::{schema_of_text, serde_by_text},
};

/// Where an address has its place in the table: the first 120 bits of the SHA-256 of [`Email::key`].
///
/// Equal addresses share a slot, and only one account can hold it. It tells nothing of the address to
/// anyone who cannot guess that address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot([u8; 15]);

impl Slot {
    /// Into how many parts [`Slot::shard`] divides the slots.
    pub const SHARDS: u8 = 8;

    /// The slot of an address.
    #[must_use]
    pub fn of(email: &Email) -> Self {
        Self::of_key(email.key())
    }

    /// Returns the bits, which are as good as random.
    #[must_use]
    pub fn bytes(self) -> [u8; 15] {
        self.0
    }

    /// Makes the slot with these bits, which are those of an address.
    #[must_use]
    pub const fn of_bytes(bytes: [u8; 15]) -> Self {
        Self(bytes)
    }

    /// Returns the slot of the address whose comparison form is `key`.
    #[must_use]
    pub fn of_key(key: &str) -> Self {
        Self(first_bytes(Sha256::new().chain_update(key)))
    }

    /// Which of [`Slot::SHARDS`] equal parts the slot falls into: its first 3 bits.
    #[must_use]
    pub fn shard(self) -> u8 {
        self.0[0] >> 5
    }
}

/// An account's id: the slot of its first address, and 40 bits that distinguish it from the slot's earlier
/// accounts. 32 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId {
    slot: Slot,
    suffix: [u8; 5],
}

impl UserId {
    /// A new account in `slot`.
    ///
    /// No two accounts have the same id, whoever makes them and of what: tokens and contacts of an account
    /// that was deleted must not be another's.
    #[must_use]
    pub fn random(slot: Slot) -> Self {
        let random = Uuid::new_v4().into_bytes();
        // All bits of the first six bytes are random (RFC 9562, 5.4).
        let suffix = std::array::from_fn(|index| random[index]);
        Self { slot, suffix }
    }

    /// Where the account lies in the table, whatever its address is by now.
    #[must_use]
    pub fn slot(self) -> Slot {
        self.slot
    }

    /// Returns the bits that distinguish the account from earlier ones in its slot.
    #[must_use]
    pub fn suffix(self) -> [u8; 5] {
        self.suffix
    }

    /// Makes the id of the account in `slot` with these further bits.
    #[must_use]
    pub fn of_parts(slot: Slot, suffix: [u8; 5]) -> Self {
        Self { slot, suffix }
    }
}

/// A subject of an OpenID Connect issuer: a hash of the names of both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId([u8; 30]);

impl SubjectId {
    /// The subject that `issuer` calls `subject`.
    #[must_use]
    pub fn of(issuer: &str, subject: &str) -> Self {
        Self(first_bytes(hash_of([issuer, subject])))
    }
}

/// A hash that no other split of the same text has.
fn hash_of<const N: usize>(parts: [&str; N]) -> Sha256 {
    let mut hash = Sha256::new();
    for part in parts {
        // The length goes first.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash
}

/// The first bytes of a hash.
fn first_bytes<const N: usize>(hash: Sha256) -> [u8; N] {
    let hash = hash.finalize();
    std::array::from_fn(|index| hash[index])
}

/// Writes bytes as lower-case base32 (RFC 4648, 6) without padding.
fn write_base32<const CHARS: usize>(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [0; CHARS];
    BASE32_NOPAD.encode_mut(bytes, &mut text);
    text.make_ascii_lowercase();
    f.write_str(str::from_utf8(&text).expect("base32 is ASCII"))
}

/// Reads what [`write_base32`] wrote, and nothing else.
fn read_base32<const BYTES: usize>(text: &str) -> Result<[u8; BYTES], InvalidId> {
    if text.len() != BASE32_NOPAD.encode_len(BYTES) || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(InvalidId);
    }
    let mut bytes = [0; BYTES];
    BASE32_NOPAD_NOCASE
        .decode_mut(text.as_bytes(), &mut bytes)
        .map_err(|_| InvalidId)?;
    Ok(bytes)
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_base32::<24>(&self.0, f)
    }
}

impl FromStr for Slot {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        read_base32(text).map(Self)
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_base32::<48>(&self.0, f)
    }
}

impl FromStr for SubjectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        read_base32(text).map(Self)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.fmt(f)?;
        write_base32::<8>(&self.suffix, f)
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (slot, suffix) = text.split_at_checked(24).ok_or(InvalidId)?;
        Ok(Self {
            slot: slot.parse()?,
            suffix: read_base32(suffix)?,
        })
    }
}

/// Shows an id in logs and failed tests as it is written everywhere else.
macro_rules! log_by_text {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

/// Defines an id that is a UUID, written as 32 lower-case hexadecimal digits.
macro_rules! uuid_id {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id that a UUID makes.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Returns the bits of the UUID.
            #[must_use]
            pub const fn bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            /// Makes the id of a UUID with these bits.
            #[must_use]
            pub const fn of_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // Of all the ways to write a UUID only one is an id.
                if text.len() != 32 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    return Err(InvalidId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }

        log_by_text!($name);
        serde_by_text!($name);
        schema_of_text!($name, concat!($($doc),*).trim_start(), |text| text
            .pattern(Some("^[0-9a-f]{32}$"))
            .examples(["019ab0f2c47d7e0c9d3b1f60a5e8d214"]));
    };
}

uuid_id! {
    /// An import's id.
    ImportId
}

uuid_id! {
    /// A contact's id.
    ContactId
}

uuid_id! {
    /// What tells a request from all others, and is the same for each try of it.
    RequestMark
}

log_by_text!(Slot);
log_by_text!(UserId);
log_by_text!(SubjectId);
serde_by_text!(Slot);
serde_by_text!(UserId);
serde_by_text!(SubjectId);
schema_of_text!(UserId, "A user's id", |text| text
    .pattern(Some("^[a-z2-7]{32}$"))
    .examples(["mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu"]));

impl ImportId {
    /// The import of a file that was dropped into the bucket.
    ///
    /// Every delivery of the object's event finds the same import. `version` is what tells this object
    /// from its predecessors under the same key.
    #[must_use]
    pub fn of_object(bucket: &str, key: &str, version: &str) -> Self {
        let hash = hash_of([bucket, key, version]);
        Self(uuid::Builder::from_custom_bytes(first_bytes(hash)).into_uuid())
    }
}

impl ImportId {
    /// Returns the import that `request` makes: the same at each try of the request.
    #[must_use]
    pub fn made_by(request: RequestMark) -> Self {
        Self(request.0)
    }
}

impl ContactId {
    /// The contact that the request `request` makes of its element number `place`.
    ///
    /// Each try of a request makes the same id, so a later one knows what an earlier one has stored.
    #[must_use]
    pub fn made_by(request: RequestMark, place: usize) -> Self {
        let hash = Sha256::new()
            .chain_update(request.0.as_bytes())
            .chain_update((place as u64).to_be_bytes());
        Self(uuid::Builder::from_custom_bytes(first_bytes(hash)).into_uuid())
    }
}

impl RequestMark {
    /// The mark of a request that is tried once.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

/// The text is not an id of the kind asked for, so nothing can have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an id")]
pub struct InvalidId;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(email: &str) -> Slot {
        Slot::of(&email.parse().unwrap())
    }

    #[test]
    fn a_slot_is_the_start_of_a_hash_in_base32() {
        let hash = Sha256::digest("ada@example.org");

        let slot = slot("Ada@Example.org");

        assert_eq!(slot.to_string(), BASE32_NOPAD.encode(&hash[..15]).to_lowercase());
        assert_eq!(slot.to_string().len(), 24);
        assert_eq!(slot.shard(), hash[0] / 32);
        assert_eq!(slot.bytes(), hash[..15]);
        assert_eq!(Slot::of_bytes(slot.bytes()), slot);
    }

    #[test]
    fn an_id_begins_with_its_slot() {
        let id = UserId {
            slot: slot("ada@example.org"),
            suffix: [0, 1, 2, 3, 255],
        };

        assert_eq!(id.to_string(), format!("{}aaaqea77", id.slot()));
    }

    #[test]
    fn two_accounts_in_one_slot_have_different_ids() {
        let slot = slot("ada@example.org");

        let id = UserId::random(slot);

        assert_eq!(id.slot(), slot);
        assert_ne!(id, UserId::random(slot));
    }

    #[test]
    fn a_contact_is_named_by_its_request_and_its_place_there() {
        let request = RequestMark::random();

        let id = ContactId::made_by(request, 1);

        assert_eq!(id, ContactId::made_by(request, 1));
        assert_ne!(id, ContactId::made_by(request, 2));
        assert_ne!(id, ContactId::made_by(RequestMark::random(), 1));
    }

    #[test]
    fn a_request_makes_one_import() {
        let request = RequestMark::random();

        assert_eq!(ImportId::made_by(request), ImportId::made_by(request));
        assert_ne!(
            ImportId::made_by(request),
            ImportId::made_by(RequestMark::random())
        );
    }

    #[test]
    fn a_dropped_file_has_one_import_for_each_version() {
        let import = ImportId::of_object("staging", "drop/users.csv", "3");

        assert_eq!(import, ImportId::of_object("staging", "drop/users.csv", "3"));
        assert_ne!(import, ImportId::of_object("staging", "drop/users.csv", "4"));
        assert_ne!(import, ImportId::of_object("staging", "drop/users.csv3", ""));
        assert_ne!(import, ImportId::of_object("stagingdrop", "/users.csv", "3"));
    }

    #[test]
    fn a_subject_is_known_by_both_names() {
        let subject = SubjectId::of("https://issuer.example", "7");

        assert_eq!(subject.to_string().parse(), Ok(subject));
        assert_ne!(subject, SubjectId::of("https://issuer.example", "8"));
        assert_ne!(subject, SubjectId::of("https://other.example", "7"));
        assert_ne!(subject, SubjectId::of("https://issuer.example7", ""));
    }

    #[test]
    fn a_text_that_is_no_id_is_refused() {
        let user = UserId::random(slot("ada@example.org")).to_string();
        for text in [
            "",
            "me",
            &user.to_uppercase(),
            &user[1..],
            &format!("{user}a"),
            &format!("{}1", &user[..31]),
            &format!("{}=", &user[..31]),
            &format!("{}é{}", &user[..23], &user[25..]),
        ] {
            assert_eq!(text.parse::<UserId>(), Err(InvalidId), "{text}");
        }

        for text in [
            "",
            "67e55044-10b1-426f-9247-bb680e5fe0c8",
            "67E5504410B1426F9247BB680E5FE0C8",
            "67e5504410b1426f9247bb680e5fe0c",
            "{67e5504410b1426f9247bb680e5fe0c8}",
            "g7e5504410b1426f9247bb680e5fe0c8",
        ] {
            assert_eq!(text.parse::<ImportId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn an_id_is_a_string_in_json() {
        let id = ContactId::from_uuid(Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8));

        let json = serde_json::to_string(&id).unwrap();

        assert_eq!(json, "\"67e5504410b1426f9247bb680e5fe0c8\"");
        assert_eq!(serde_json::from_str::<ContactId>(&json).unwrap(), id);
    }

    proptest! {
        #[test]
        fn a_user_id_reads_back_as_itself(slot: [u8; 15], suffix: [u8; 5]) {
            let id = UserId { slot: Slot(slot), suffix };
            prop_assert_eq!(id.to_string().len(), 32);
            prop_assert_eq!(id.to_string().parse::<UserId>(), Ok(id));
            prop_assert_eq!(id.slot().to_string().parse::<Slot>(), Ok(Slot(slot)));
        }

        #[test]
        fn an_id_has_one_spelling(text in "[a-z2-7]{32}") {
            prop_assert_eq!(text.parse::<UserId>().unwrap().to_string(), text);
        }

        #[test]
        fn an_import_id_reads_back_as_itself(bits: u128) {
            let id = ImportId::from_uuid(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<ImportId>(), Ok(id));
        }

        #[test]
        fn any_text_is_an_id_or_a_fault(text in any::<String>()) {
            let _ = (text.parse::<UserId>(), text.parse::<Slot>(), text.parse::<ContactId>());
        }
    }
}

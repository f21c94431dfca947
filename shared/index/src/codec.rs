//! Entries as bytes.
//!
//! A record is a list of members, each behind its tag and its length, so that a version that does not know a tag passes
//! over it.

use roster::{Email, ImportId, Member, Profile, Recorded, Role, Roles, Slot, Timestamp, User, UserId};

use crate::bytes::{Invalid, Source, put_bytes, put_number};
use crate::{Entry, State};

const COUNTED: u8 = 1;
const DELETED: u8 = 2;

/// The members of a record. Their numbers never change their meaning.
mod tag {
    use roster::Member;

    pub(super) const EMAIL: u8 = 1;
    pub(super) const PENDING_EMAIL: u8 = 2;
    pub(super) const ROLE: u8 = 7;
    pub(super) const LATER_ROLE: u8 = 8;
    pub(super) const DISABLED: u8 = 9;
    pub(super) const ACCOUNT_TYPE: u8 = 10;
    pub(super) const CREATED_AT: u8 = 13;
    pub(super) const MODIFIED_AT: u8 = 14;
    pub(super) const VERSION: u8 = 15;
    pub(super) const IMPORT: u8 = 16;

    /// Returns the number of a member that a body or a file may give.
    pub(super) const fn of(member: Member) -> u8 {
        match member {
            Member::Email => EMAIL,
            Member::FirstName => 3,
            Member::LastName => 4,
            Member::OtherName => 5,
            Member::MobileNumber => 6,
            Member::Roles => ROLE,
            Member::Enabled => DISABLED,
            Member::AccountType => ACCOUNT_TYPE,
            Member::PlanId => 11,
            Member::ExternalUserId => 12,
        }
    }
}

/// Returns the entries as bytes.
#[must_use]
pub fn encode<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        put(entry, &mut out);
    }
    out
}

/// Reads what [`encode`] wrote.
///
/// # Errors
///
/// [`Invalid`] for other bytes.
pub fn decode(bytes: &[u8]) -> Result<Vec<Entry>, Invalid> {
    let mut source = Source(bytes);
    let mut entries = Vec::new();
    while !source.is_empty() {
        entries.push(read(&mut source)?);
    }
    Ok(entries)
}

/// Returns the entries as compressed bytes.
#[must_use]
pub fn pack<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    lz4_flex::compress_prepend_size(&encode(entries))
}

/// Reads what [`pack`] wrote.
///
/// # Errors
///
/// [`Invalid`] for other bytes.
pub fn unpack(bytes: &[u8]) -> Result<Vec<Entry>, Invalid> {
    // Bytes that were damaged may claim any size; no text is made smaller than a 255th.
    let claimed = bytes.first_chunk().map(|size| u32::from_le_bytes(*size));
    let most = bytes.len().saturating_mul(255);
    if !claimed.is_some_and(|size| usize::try_from(size).is_ok_and(|size| size <= most)) {
        return Err(Invalid);
    }
    decode(&lz4_flex::decompress_size_prepended(bytes).map_err(|_| Invalid)?)
}

pub(crate) fn put(entry: &Entry, out: &mut Vec<u8>) {
    let counted = if entry.counted { COUNTED } else { 0 };
    out.extend_from_slice(&entry.id.slot().bytes());
    out.extend_from_slice(&entry.id.suffix());
    match &entry.state {
        State::Present(user) => {
            out.push(counted);
            put_bytes(&record(user), out);
        }
        State::Deleted(at) => {
            out.push(counted | DELETED);
            put_number(at.millis(), out);
        }
    }
}

pub(crate) fn read(source: &mut Source<'_>) -> Result<Entry, Invalid> {
    let id = UserId::of_parts(Slot::of_bytes(source.array()?), source.array()?);
    let flags = source.byte()?;
    let state = if flags & DELETED == 0 {
        State::Present(Box::new(user(id, Source(source.bytes()?))?))
    } else {
        State::Deleted(Timestamp::from_millis(source.number()?))
    };
    Ok(Entry {
        id,
        counted: flags & COUNTED != 0,
        state,
    })
}

/// Appends a member of a record.
fn put_member(tag: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_bytes(value, out);
}

/// Returns the record of `user` without its id.
pub(crate) fn record(user: &User) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    put_texts(user, &mut out);
    for role in user.roles.iter() {
        put_member(tag::ROLE, role.as_str().as_bytes(), &mut out);
    }
    for role in &user.later_roles {
        put_member(tag::LATER_ROLE, role.as_bytes(), &mut out);
    }
    // JSON of a word, or of what a later version stores in its place.
    let account_type = serde_json::to_vec(&user.account_type).unwrap_or_default();
    put_member(tag::ACCOUNT_TYPE, &account_type, &mut out);
    for (tag, number) in [
        (tag::DISABLED, (!user.enabled).then_some(1)),
        (tag::CREATED_AT, Some(user.created_at.millis())),
        (tag::MODIFIED_AT, Some(user.modified_at.millis())),
        (tag::VERSION, Some(user.version)),
    ] {
        if let Some(number) = number {
            let mut bytes = Vec::new();
            put_number(number, &mut bytes);
            put_member(tag, &bytes, &mut out);
        }
    }
    if let Some((import, line)) = user.import {
        let mut bytes = import.bytes().to_vec();
        put_number(line, &mut bytes);
        put_member(tag::IMPORT, &bytes, &mut out);
    }
    out
}

fn put_texts(user: &User, out: &mut Vec<u8>) {
    put_member(tag::EMAIL, user.email.as_str().as_bytes(), out);
    if let Some(email) = &user.pending_email {
        put_member(tag::PENDING_EMAIL, email.as_str().as_bytes(), out);
    }
    for member in Member::ALL {
        if let Some(text) = user.profile.text(member) {
            put_member(tag::of(member), text.as_bytes(), out);
        }
    }
}

fn text(value: &[u8]) -> Result<&str, Invalid> {
    str::from_utf8(value).map_err(|_| Invalid)
}

fn email(value: &[u8]) -> Result<Email, Invalid> {
    Email::stored(text(value)?).map_err(|_| Invalid)
}

fn user(id: UserId, source: Source<'_>) -> Result<User, Invalid> {
    let mut rest = source;
    let address = loop {
        let (tag, value) = (rest.byte()?, rest.bytes()?);
        if tag == tag::EMAIL {
            break email(value)?;
        }
    };
    let mut user = User {
        id,
        email: address,
        pending_email: None,
        profile: Profile::default(),
        roles: Roles::NONE,
        later_roles: Vec::new(),
        enabled: true,
        account_type: Recorded::default(),
        created_at: Timestamp::from_millis(0),
        modified_at: Timestamp::from_millis(0),
        version: 0,
        import: None,
    };
    let mut rest = source;
    while !rest.is_empty() {
        let (tag, value) = (rest.byte()?, rest.bytes()?);
        set_member(&mut user, tag, value)?;
    }
    Ok(user)
}

fn set_member(user: &mut User, tag: u8, value: &[u8]) -> Result<(), Invalid> {
    let number = || Source(value).number();
    match tag {
        tag::PENDING_EMAIL => user.pending_email = Some(email(value)?),
        // The version that wrote a later role did not know it; this one may.
        tag::ROLE | tag::LATER_ROLE => match text(value)?.parse::<Role>() {
            Ok(role) => user.roles = user.roles.with(role),
            Err(_) => user.later_roles.push(text(value)?.to_owned()),
        },
        tag::DISABLED => user.enabled = false,
        tag::ACCOUNT_TYPE => user.account_type = serde_json::from_slice(value).map_err(|_| Invalid)?,
        tag::CREATED_AT => user.created_at = Timestamp::from_millis(number()?),
        tag::MODIFIED_AT => user.modified_at = Timestamp::from_millis(number()?),
        tag::VERSION => user.version = number()?,
        tag::IMPORT => {
            let mut value = Source(value);
            user.import = Some((ImportId::of_bytes(value.array()?), value.number()?));
        }
        // The address is read first. A number that no member has is that of a later version's member.
        tag => {
            if let Some(member) = Member::ALL.into_iter().find(|member| tag::of(*member) == tag) {
                user.profile.set_stored(member, text(value)?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entry::tests::entries;

    #[test]
    fn a_member_of_a_later_version_is_passed_over() {
        let user = roster::UserDraft {
            email: "ada@example.org".into(),
            roles: "ROLE_ORIGINATOR".into(),
            ..roster::UserDraft::default()
        };
        let user = user.parse(Roles::ALL).unwrap();
        let user = User::new(user, Timestamp::from_millis(7), None);
        let mut record = record(&user);
        record.push(200);
        put_bytes(b"tomorrow", &mut record);

        assert_eq!(super::user(user.id, Source(&record)), Ok(user));
    }

    proptest! {
        #[test]
        fn entries_read_back_as_themselves(entries in entries(9)) {
            let bytes = encode(&entries);
            let read = decode(&bytes).unwrap();
            for (one, other) in entries.iter().zip(&read) {
                match (&one.state, &other.state) {
                    (State::Present(one), State::Present(other)) => prop_assert!(one.is_spelled_like(other)),
                    (State::Deleted(one), State::Deleted(other)) => prop_assert_eq!(one, other),
                    _ => prop_assert!(false, "one is deleted"),
                }
                prop_assert_eq!((one.id, one.counted), (other.id, other.counted));
            }
            prop_assert_eq!(encode(&read), bytes);
            prop_assert_eq!(encode(&unpack(&pack(&entries)).unwrap()), encode(&entries));
        }

        #[test]
        fn damaged_bytes_are_entries_or_invalid(
            entries in entries(4), at: proptest::sample::Index, byte: u8, garbage: Vec<u8>
        ) {
            let (mut plain, mut packed) = (encode(&entries), pack(&entries));
            for bytes in [&mut plain, &mut packed] {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            let _ = (decode(&plain), unpack(&packed), decode(&garbage), unpack(&garbage));
        }
    }
}

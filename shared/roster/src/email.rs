//! An e-mail address.

mod mend;

use std::{fmt, str::FromStr};

#[cfg(feature = "schema")]
use utoipa::openapi::{KnownFormat, SchemaFormat};

use super::{
    Code,
    by_text::{schema_of_text, serde_stored_text},
    domain::{self, DomainFault},
    fold::folded,
    invisible::{is_invisible, is_letter_mark_or_digit, shown, trimmed},
};

/// An e-mail address that mail could be sent to.
///
/// The syntax is that of RFC 5321, with the UTF-8 of RFC 6531: a dot-atom or a quoted string, `@`, and
/// a domain of at least two labels as IDNA 2008 has them. Before the `@`, letters, marks and digits of any
/// script may be where RFC 5321 has those of ASCII. Address literals, comments and folding white space are
/// refused, and so is what cannot be seen.
///
/// It is kept as it was written, and compared by [`Email::key`]: two addresses are equal exactly when
/// the service treats them as one.
///
/// ```
/// # use roster::Email;
/// let email: Email = " Ada@Example.org".parse()?;
///
/// assert_eq!(email.as_str(), "Ada@Example.org");
/// assert_eq!(email.key(), "ada@example.org");
/// # Ok::<(), roster::InvalidEmail>(())
/// ```
#[derive(Clone, Debug)]
pub struct Email {
    written: Box<str>,
    /// Only if it differs from `written`, which it rarely does.
    key: Option<Box<str>>,
}

impl Email {
    /// How many octets an address has at most (RFC 5321, 4.5.3.1.3, with erratum 1690 to RFC 3696).
    pub const MAX_OCTETS: usize = 254;

    /// How many octets the part before the `@` has at most (RFC 5321, 4.5.3.1.1).
    pub const MAX_LOCAL_OCTETS: usize = 64;

    /// Reads an address that is stored already, or that an issuer says: whatever an earlier version took,
    /// symbols and longer ones included.
    ///
    /// # Errors
    ///
    /// If it has no `@` or its domain can have no ASCII form, so that it cannot be compared.
    pub fn stored(text: &str) -> Result<Self, InvalidEmail> {
        let written = text.trim();
        let (local, domain) = written.rsplit_once('@').ok_or(InvalidEmail::NotAnAddress)?;
        if local.is_empty() {
            return Err(InvalidEmail::NotAnAddress);
        }
        let ascii = domain::ascii(domain).ok_or(InvalidEmail::NotAnAddress)?;
        Ok(Self::of_parts(written, &folded(local), &ascii))
    }

    /// Returns the text that was most likely meant where `text` is no address: the address alone that it has.
    ///
    /// ```
    /// # use roster::Email;
    /// assert_eq!(Email::suggestion("Ada <ada@example.org>").as_deref(), Some("ada@example.org"));
    /// assert_eq!(Email::suggestion("nobody"), None);
    /// ```
    #[must_use]
    pub fn suggestion(text: &str) -> Option<String> {
        mend::mended(text)
    }

    fn of_parts(written: &str, local_key: &str, domain_key: &str) -> Self {
        // The folded form is what addresses are compared by, in every version: it never changes.
        let is_key = written
            .strip_prefix(local_key)
            .and_then(|rest| rest.strip_prefix('@'))
            .is_some_and(|domain| domain == domain_key);
        Self {
            written: written.into(),
            key: (!is_key).then(|| format!("{local_key}@{domain_key}").into()),
        }
    }

    /// Returns the address as it was written, without white space around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Returns the form that addresses are compared by: folded (see [`fold`](super::fold())), with the domain
    /// in ASCII form.
    ///
    /// It is itself an address with the same key. That of an address which is taken nowadays has at most
    /// 254 octets; at most 64 characters of one that an earlier version took are not ASCII, so every key takes
    /// less than 512 bytes and fits any DynamoDB key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.written)
    }

    /// Returns whether both are written alike, but for the case of ASCII letters.
    ///
    /// Equality goes further: it folds `K` (U+212A) to `k` and `ſ` (U+017F) to `s`, though a mail server may keep
    /// their mailboxes apart. So an issuer's word on an address counts only for one that is written alike.
    #[must_use]
    pub fn is_written_like(&self, other: &Self) -> bool {
        self.written.eq_ignore_ascii_case(&other.written)
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let written = trimmed(text);
        if written.is_empty() {
            return Err(InvalidEmail::Missing);
        }
        if written.len() > Self::MAX_OCTETS {
            return Err(InvalidEmail::TooLong);
        }
        let Some((local, domain)) = written.rsplit_once('@') else {
            return Err(InvalidEmail::NotAnAddress);
        };
        if !written.is_ascii() {
            // Joiners are allowed in some domains, and are looked at with them.
            let hidden = |char: &char| is_invisible(*char);
            let in_local = local.chars().find(hidden);
            let in_domain = domain
                .chars()
                .filter(|char| !matches!(char, '\u{200C}' | '\u{200D}'));
            if let Some(char) = in_local.or(in_domain.into_iter().find(hidden)) {
                return Err(InvalidEmail::Invisible(char));
            }
        }
        if local.len() > Self::MAX_LOCAL_OCTETS {
            return Err(InvalidEmail::LocalTooLong);
        }
        check_local_part(written, local)?;
        let Some(ascii) = domain::ascii(domain) else {
            return Err(refused_domain(written, domain));
        };
        match domain::fault(domain, &ascii) {
            None => {}
            Some(DomainFault::Character(char)) => return Err(InvalidEmail::DomainCharacter(char)),
            Some(DomainFault::Label) => return Err(InvalidEmail::NotAnAddress),
        }
        let email = Self::of_parts(written, &folded(local), &ascii);
        // A domain may be longer in its ASCII form, and that form is the one that is sent; a key is an
        // address, within the same limits.
        match email.key().rsplit_once('@') {
            Some((local, _)) if local.len() > Self::MAX_LOCAL_OCTETS => Err(InvalidEmail::LocalTooLong),
            _ if email.key().len() > Self::MAX_OCTETS => Err(InvalidEmail::TooLong),
            _ => Ok(email),
        }
    }
}

/// Returns whether `text` has more than `limit` characters.
pub(super) fn longer_than(text: &str, limit: usize) -> bool {
    text.len() > limit && text.chars().nth(limit).is_some()
}

/// Checks what is before the `@`: a dot-atom or a quoted string (RFC 5321, 4.1.2).
fn check_local_part(written: &str, local: &str) -> Result<(), InvalidEmail> {
    let inner = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_sound = match inner {
        Some(inner) => is_quoted(inner),
        None => local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atext)),
    };
    if is_sound {
        return Ok(());
    }
    match local
        .chars()
        .find(|char| !char.is_ascii() && !is_letter_mark_or_digit(*char))
    {
        Some(char) => Err(InvalidEmail::LocalCharacter(char)),
        None => Err(no_address(written)),
    }
}

/// Returns what is wrong with a text that is not of the form of an address.
fn no_address(written: &str) -> InvalidEmail {
    if mend::has_several(written) {
        InvalidEmail::Several
    } else {
        InvalidEmail::NotAnAddress
    }
}

/// Returns whether the character may be in an atom: of ASCII those of RFC 5322, 3.2.3.
fn is_atext(char: char) -> bool {
    if char.is_ascii() {
        char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char)
    } else {
        is_letter_mark_or_digit(char)
    }
}

/// Returns whether the text may be between the quotes of a quoted string that is not empty.
fn is_quoted(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let is_sound = match char {
            // Only what is printed of ASCII may follow (quoted-pairSMTP).
            '\\' => chars.next().is_some_and(|char| matches!(char, ' '..='~')),
            '"' => false,
            ' '..='~' => true,
            char => !char.is_ascii() && is_letter_mark_or_digit(char),
        };
        if !is_sound {
            return false;
        }
    }
    !text.is_empty()
}

/// Returns what is wrong with an address whose domain has no ASCII form.
fn refused_domain(written: &str, domain: &str) -> InvalidEmail {
    let refused = |char: &char| {
        !char.is_ascii() && !is_letter_mark_or_digit(*char) && !matches!(char, '。' | '．' | '｡')
    };
    match domain.chars().find(refused) {
        Some(char) if is_invisible(char) => InvalidEmail::Invisible(char),
        Some(char) => InvalidEmail::DomainCharacter(char),
        None => no_address(written),
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Email {}

serde_stored_text!(Email);
schema_of_text!(
    Email,
    "An address (RFC 5321, RFC 6531, IDNA 2008) without literals and comments, in any case; at most 64 octets \
     before the @ and 254 in all",
    |text| text
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
        .max_length(Some(Email::MAX_OCTETS))
        .examples(["ada@example.org"])
);

/// Why a text is not an [`Email`]. The texts continue the member's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// Nothing but white space.
    #[error("is required")]
    Missing,
    /// Not of the form `local@domain`.
    #[error("is not an email address")]
    NotAnAddress,
    /// More than one address.
    #[error("has more than one address; keep one of them")]
    Several,
    /// A character that nobody sees.
    #[error("has {} in it; remove it", shown(*.0))]
    Invisible(char),
    /// A character that cannot be before the `@`.
    #[error("has {} before the @, where letters, digits and the symbols of ASCII may be; remove or replace it", shown(*.0))]
    LocalCharacter(char),
    /// A character that cannot be in a domain.
    #[error("has {} in its domain, which has letters, digits and hyphens; remove or replace it", shown(*.0))]
    DomainCharacter(char),
    /// Longer than [`Email::MAX_OCTETS`], as written or as compared.
    #[error("is longer than {} bytes", Email::MAX_OCTETS)]
    TooLong,
    /// Longer than [`Email::MAX_LOCAL_OCTETS`] before the `@`.
    #[error("has more than {} bytes before the @", Email::MAX_LOCAL_OCTETS)]
    LocalTooLong,
}

impl From<InvalidEmail> for Code {
    fn from(fault: InvalidEmail) -> Self {
        match fault {
            InvalidEmail::Missing => Self::Required,
            InvalidEmail::NotAnAddress
            | InvalidEmail::Several
            | InvalidEmail::Invisible(_)
            | InvalidEmail::LocalCharacter(_)
            | InvalidEmail::DomainCharacter(_) => Self::InvalidFormat,
            InvalidEmail::TooLong | InvalidEmail::LocalTooLong => Self::TooLong,
        }
    }
}

#[cfg(test)]
mod tests;

//! An e-mail address.

use std::{borrow::Cow, fmt, str::FromStr};

use email_address::EmailAddress;
use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};
use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};
use utoipa::openapi::{KnownFormat, SchemaFormat};

use super::{
    Code,
    by_text::{schema_of_text, serde_by_text},
    fold::folded,
};

/// An e-mail address that mail could be sent to.
///
/// The syntax is that of RFC 5321, with the UTF-8 of RFC 6531: a dot-atom or a quoted string, `@`, and
/// a domain of at least two labels. Address literals, comments and folding white space are refused, and
/// so is what cannot be seen: control characters, and invisible ones before the `@`.
///
/// It is kept as it was written, and compared by [`Email::key`]: two addresses are equal exactly when
/// the service treats them as one.
#[derive(Clone, Debug)]
pub struct Email {
    written: Box<str>,
    /// Only if it differs from `written`, which it rarely does.
    key: Option<Box<str>>,
}

impl Email {
    /// How many characters an address has at most (RFC 5321, 4.5.3.1.3, with erratum 1690 to RFC 3696).
    pub const MAX_CHARS: usize = 254;

    /// How many characters stand before the `@` at most (RFC 5321, 4.5.3.1.1).
    pub const MAX_LOCAL_CHARS: usize = 64;

    /// The address as it was written, without white space around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The form that addresses are compared by: folded (see [`fold`](super::fold())), with the domain
    /// in ASCII form.
    ///
    /// It is itself an address, with the same key, and within the same limits. At most 64 of its
    /// characters are not ASCII, so it takes less than 512 bytes and fits any DynamoDB key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.written)
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let written = text.trim();
        if written.is_empty() {
            return Err(InvalidEmail::Missing);
        }
        if longer_than(written, Self::MAX_CHARS) {
            return Err(InvalidEmail::TooLong);
        }
        let (local, domain) = written.rsplit_once('@').ok_or(InvalidEmail::NotAnAddress)?;

        // The folded form is what must be right: then a key is an address as well.
        let local_key = folded(local);
        if longer_than(&local_key, Self::MAX_LOCAL_CHARS) {
            return Err(InvalidEmail::LocalTooLong);
        }
        if !is_local_part(&local_key) {
            return Err(InvalidEmail::NotAnAddress);
        }
        let domain_key = ascii_domain(domain).ok_or(InvalidEmail::NotAnAddress)?;

        let key = if local_key == local && domain_key == domain {
            None
        } else {
            let key = format!("{local_key}@{domain_key}");
            // A domain may be longer in its ASCII form, and that form is the one that is sent.
            if longer_than(&key, Self::MAX_CHARS) {
                return Err(InvalidEmail::TooLong);
            }
            Some(key.into())
        };
        Ok(Self {
            written: written.into(),
            key,
        })
    }
}

/// Whether `text` has more than `limit` characters.
pub(super) fn longer_than(text: &str, limit: usize) -> bool {
    text.chars().nth(limit).is_some()
}

/// Whether `local` can stand before the `@`.
fn is_local_part(local: &str) -> bool {
    if local.is_ascii() {
        // The library takes a tab within quotes.
        return !local.bytes().any(|byte| byte.is_ascii_control())
            && EmailAddress::is_valid_local_part(local);
    }
    let invisible = const { CodePointSetData::new::<DefaultIgnorableCodePoint>() };
    if local
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() && c != ' ' || invisible.contains(c))
    {
        return false;
    }
    // RFC 6531 lets any other character stand where a letter may. The library takes letters and
    // digits only, and counts bytes, so it gets a letter for each.
    let plain: String = local
        .chars()
        .map(|c| if c.is_ascii() { c } else { 'x' })
        .collect();
    is_local_part(&plain)
}

/// The ASCII form of a domain, or `None` if it is none or is not fit for mail.
fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            // Hyphens in the third and fourth place are found in domains that exist.
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .ok()?;
    let (_, top) = ascii.rsplit_once('.')?;
    // No top-level domain is a number (RFC 3696, 2): this is an IPv4 address without its brackets.
    let is_number = top.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number).then_some(ascii)
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

serde_by_text!(Email);
schema_of_text!(
    Email,
    "An address (RFC 5321, RFC 6531) without literals and comments, in any case",
    |text| text
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
        .max_length(Some(Email::MAX_CHARS))
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
    /// Longer than [`Email::MAX_CHARS`], as written or as compared.
    #[error("is longer than {} characters", Email::MAX_CHARS)]
    TooLong,
    /// Longer than [`Email::MAX_LOCAL_CHARS`] before the `@`.
    #[error("has more than {} characters before the @", Email::MAX_LOCAL_CHARS)]
    LocalTooLong,
}

impl From<InvalidEmail> for Code {
    fn from(fault: InvalidEmail) -> Self {
        match fault {
            InvalidEmail::Missing => Self::Required,
            InvalidEmail::NotAnAddress => Self::InvalidFormat,
            InvalidEmail::TooLong | InvalidEmail::LocalTooLong => Self::TooLong,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn email(text: &str) -> Email {
        text.parse().unwrap_or_else(|fault| panic!("{text:?} {fault}"))
    }

    #[test]
    fn what_mail_can_be_sent_to_is_an_address() {
        for text in [
            "ada@example.org",
            "a@b.co",
            "ada.lovelace@example.org",
            "ada+import@example.org",
            "o'brien@example.org",
            "customer/department=shipping@example.org",
            "$A12345@example.org",
            "!def!xyz%abc@example.org",
            "_somename@example.org",
            "-@example.org",
            "1234567890@example.org",
            "ada@sub.domain.example.org",
            "ada@123.example",
            "ada@1e2.org",
            "ada@a-b.example.org",
            "ada@r3---sn.example.org",
            "ada@example.org\t ",
            "\u{a0}ada@example.org",
            r#""ada lovelace"@example.org"#,
            r#""ada@home"@example.org"#,
            r#"".ada..x."@example.org"#,
            r#""a\"b\\c"@example.org"#,
            r#""(not a comment)"@example.org"#,
            "用户@例子.广告",
            "हिन्दी@उदाहरण.भारत",
            "θσερ@εχαμπλε.ψομ",
            "Dörte@Sörensen.example.com",
            "jose\u{301}@example.org",
            "☃@example.org",
            "ada@xn--mnchen-3ya.example",
            "ada@faß.example",
            "ada@例子。广告",
        ] {
            assert!(text.parse::<Email>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn what_mail_cannot_be_sent_to_is_not_an_address() {
        for text in [
            "ada",
            "ada@",
            "@",
            "@example.org",
            "@@example.org",
            "ada@@example.org",
            "ada@home@example.org",
            "ada lovelace@example.org",
            "ada @example.org",
            "ada@ example.org",
            "ada@exam ple.org",
            "ada\u{3000}x@example.org",
            ".ada@example.org",
            "ada.@example.org",
            "ada..lovelace@example.org",
            "ada@example..org",
            "ada@.example.org",
            "ada@example.org.",
            "ada@example",
            "ada@localhost",
            "ada@-example.org",
            "ada@example-.org",
            "ada@example.-org",
            "ada@ex_ample.org",
            "ada@exa+mple.org",
            "ada@[192.0.2.1]",
            "ada@[IPv6:2001:db8::1]",
            "ada@192.0.2.1",
            "ada@example.123",
            "ada(the countess)@example.org",
            "(the countess)ada@example.org",
            "ada@example.org(home)",
            "ada@(home)example.org",
            "Ada <ada@example.org>",
            "<ada@example.org>",
            "Ada Lovelace ada@example.org",
            "mailto:ada@example.org",
            "ada@example.org, bob@example.org",
            "ada@example.org;bob@example.org",
            "ada\n@example.org",
            "ada@exa\r\n mple.org",
            "a\0da@example.org",
            "a\u{7f}da@example.org",
            "a\u{85}da@example.org",
            "a\u{200b}da@example.org",
            "a\u{202e}da@example.org",
            "\u{feff}ada@example.org",
            "\"a\tb\"@example.org",
            "\"a\r\n b\"@example.org",
            r#""ada@example.org"#,
            r#"ada"@example.org"#,
            r#"ada"x"lovelace@example.org"#,
            r#""ada"lovelace@example.org"#,
            r#""ada\"@example.org"#,
            r#"""@example.org"#,
            "a\\da@example.org",
            "a\u{37e}b@example.org",
            "ada@xn--a.example",
            "ada@\u{338}a.example",
            "ada@example.org/path",
            "ada@example.org:25",
        ] {
            assert_eq!(text.parse::<Email>(), Err(InvalidEmail::NotAnAddress), "{text:?}");
        }
    }

    #[test]
    fn white_space_alone_is_no_address_at_all() {
        for text in ["", " ", "\t\r\n", "\u{3000}"] {
            assert_eq!(text.parse::<Email>(), Err(InvalidEmail::Missing), "{text:?}");
        }
    }

    #[test]
    fn the_local_part_has_at_most_64_characters() {
        for letter in ["a", "é", "用", "e\u{301}"] {
            let longest = format!("{}@example.org", letter.repeat(64));
            let too_long = format!("{}@example.org", letter.repeat(65));

            assert_eq!(longest.parse::<Email>().err(), None, "{letter}");
            assert_eq!(
                too_long.parse::<Email>(),
                Err(InvalidEmail::LocalTooLong),
                "{letter}"
            );
        }
    }

    #[test]
    fn an_address_has_at_most_254_characters() {
        let local = "a".repeat(64);
        let domain = format!("{0}.{0}.{1}", "b".repeat(63), "c".repeat(61));
        assert_eq!(local.len() + 1 + domain.len(), 254);

        assert!(format!("{local}@{domain}").parse::<Email>().is_ok());
        assert_eq!(
            format!("{local}@{domain}c").parse::<Email>(),
            Err(InvalidEmail::TooLong)
        );
        assert_eq!(
            format!("{}@", "a".repeat(254)).parse::<Email>(),
            Err(InvalidEmail::TooLong)
        );
    }

    #[test]
    fn an_address_that_is_too_long_once_in_ascii_is_too_long() {
        let domain = "用户例子广告网络公司中心.".repeat(5) + "广告";
        let text = format!("{}@{domain}", "a".repeat(64));
        assert!(text.chars().count() < Email::MAX_CHARS);

        assert_eq!(text.parse::<Email>(), Err(InvalidEmail::TooLong));
    }

    #[test]
    fn a_label_has_at_most_63_characters() {
        assert!(format!("ada@{}.org", "b".repeat(63)).parse::<Email>().is_ok());
        assert!(format!("ada@{}.org", "b".repeat(64)).parse::<Email>().is_err());
    }

    #[test]
    fn addresses_that_mean_one_account_are_equal() {
        for (one, other) in [
            ("Ada@Example.ORG", "ada@example.org"),
            (" ada@example.org ", "ada@example.org"),
            ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
            ("ada@MÜNCHEN.example", "ada@xn--mnchen-3ya.EXAMPLE"),
            ("ada@例子。广告", "ada@例子.广告"),
            ("ÉMILE@example.org", "e\u{301}mile@example.org"),
            ("STRAẞE@example.org", "straße@example.org"),
            ("ΟΔΥΣΣΕΥΣ@example.org", "οδυσσευς@example.org"),
            ("\u{212A}@example.org", "k@example.org"),
        ] {
            assert_eq!(email(one), email(other), "{one} and {other}");
        }
    }

    #[test]
    fn addresses_that_only_look_alike_are_different() {
        for (one, other) in [
            ("ı@example.org", "i@example.org"),
            ("İ@example.org", "i@example.org"),
            ("straße@example.org", "strasse@example.org"),
            ("ada@faß.example", "ada@fass.example"),
            ("аda@example.org", "ada@example.org"),
            ("a.da@example.org", "ada@example.org"),
            ("ada+x@example.org", "ada@example.org"),
        ] {
            assert_ne!(email(one), email(other), "{one} and {other}");
        }
    }

    #[test]
    fn an_address_is_shown_as_it_was_written() {
        let written = email(" Ada.Lovelace@München.Example ");

        assert_eq!(written.as_str(), "Ada.Lovelace@München.Example");
        assert_eq!(written.to_string(), written.as_str());
        assert_eq!(written.key(), "ada.lovelace@xn--mnchen-3ya.example");
        assert_eq!(
            serde_json::to_string(&written).unwrap(),
            "\"Ada.Lovelace@München.Example\""
        );
    }

    #[test]
    fn only_an_address_can_be_deserialised() {
        let read: Email = serde_json::from_str("\"Ada@example.org\"").unwrap();

        assert_eq!(read.as_str(), "Ada@example.org");
        assert!(serde_json::from_str::<Email>("\"ada@\"").is_err());
        assert!(serde_json::from_str::<Email>("7").is_err());
    }

    #[test]
    fn a_letter_counts_as_the_characters_it_is_compared_by() {
        let note = |times| format!("{}@example.org", "\u{1D160}".repeat(times));

        assert_eq!(email(&note(21)).key().len(), 21 * 12 + "@example.org".len());
        assert_eq!(note(22).parse::<Email>(), Err(InvalidEmail::LocalTooLong));
    }

    /// Texts that are addresses often enough to be worth trying.
    fn likely() -> impl Strategy<Value = String> {
        let local = prop_oneof![
            "[a-zA-Z0-9.+'_-]{1,66}",
            "\"[ -~\\t]{0,20}\"",
            "[\\p{L}\\p{M}.]{1,66}",
            "[\\u{340}-\\u{3d0}\\u{1f00}-\\u{1fff}\\u{fb1d}-\\u{fb4e}\\u{1d15e}-\\u{1d164}]{1,64}",
        ];
        let domain = prop_oneof![
            "([a-zA-Z0-9-]{1,20}\\.){1,3}[a-z]{2,6}",
            "([\\p{L}\\p{M}\\p{N}-]{1,12}[.。]){1,2}\\p{L}{2,4}",
            "(xn--[a-z0-9-]{1,10}\\.){1,2}com",
        ];
        (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"))
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_a_fault(text in any::<String>()) {
            let _ = text.parse::<Email>();
        }

        #[test]
        fn an_address_reads_back_as_itself(text in likely()) {
            if let Ok(email) = text.parse::<Email>() {
                let again: Email = email.to_string().parse().unwrap();
                prop_assert_eq!(again.as_str(), email.as_str());
                prop_assert_eq!(again.key(), email.key());
            }
        }

        #[test]
        fn a_key_is_an_address_and_its_own_key(text in likely()) {
            if let Ok(email) = text.parse::<Email>() {
                let key: Email = email.key().parse().unwrap();
                prop_assert_eq!(key.key(), email.key());
                prop_assert!(email.key().len() < 512);
            }
        }

        #[test]
        fn case_never_matters(text in "[a-z0-9.]{1,20}@[a-z]{1,10}\\.[a-z]{2,4}") {
            if let Ok(email) = text.parse::<Email>() {
                prop_assert_eq!(email, text.to_uppercase().parse::<Email>().unwrap());
            }
        }
    }
}

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
        "\u{feff}ada@example.org\u{200b}",
        r#""a\ b"@example.org"#,
        r#""a\@\a"@example.org"#,
        r#""Jörg W"@example.org"#,
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
        "ada\n@example.org",
        "ada@exa\r\n mple.org",
        "a\0da@example.org",
        "a\u{7f}da@example.org",
        "\"a\tb\"@example.org",
        "\"a\r\n b\"@example.org",
        r#""ada@example.org"#,
        r#"ada"@example.org"#,
        r#"ada"x"lovelace@example.org"#,
        r#""ada"lovelace@example.org"#,
        r#""ada\"@example.org"#,
        r#"""@example.org"#,
        "a\\da@example.org",
        r#""a\é"@example.org"#,
        "\"a\\\u{7f}\"@example.org",
        "ada@xn--é.example",
        "ada@ab--é.example",
        "ada@xn--a.example",
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
fn a_character_that_no_address_has_is_named() {
    use InvalidEmail::{DomainCharacter, Invisible, LocalCharacter, NotAnAddress, Several};

    for (text, fault) in [
        ("a\u{200b}da@example.org", Invisible('\u{200b}')),
        ("a\u{202e}da@example.org", Invisible('\u{202e}')),
        ("ada@exam\u{ad}ple.org", Invisible('\u{ad}')),
        ("ada@exam\u{200b}ple.org", Invisible('\u{200b}')),
        ("☃@example.org", LocalCharacter('☃')),
        ("“ada@example.org", LocalCharacter('“')),
        ("o’brien@example.org", LocalCharacter('’')),
        ("ada\u{3000}x@example.org", LocalCharacter('\u{3000}')),
        ("a\u{85}da@example.org", LocalCharacter('\u{85}')),
        ("a\u{37e}b@example.org", LocalCharacter('\u{37e}')),
        ("½@example.org", LocalCharacter('½')),
        ("a\u{378}@example.org", LocalCharacter('\u{378}')),
        ("ada@☃.example", DomainCharacter('☃')),
        ("ada@xn--n3h.example", DomainCharacter('☃')),
        ("ada@ex’ample.org", DomainCharacter('’')),
        ("ada@“example.org", DomainCharacter('“')),
        ("ada@example.org”", DomainCharacter('”')),
        ("ada@example.org–", DomainCharacter('–')),
        ("ada@ⓔxample.org", DomainCharacter('ⓔ')),
        ("ada@a·b.example", DomainCharacter('·')),
        ("ada@a\u{378}.example", DomainCharacter('\u{378}')),
        ("ada@\u{338}a.example", NotAnAddress),
        ("ada@example.org, bob@example.org", Several),
        ("ada@example.org;bob@example.org", Several),
    ] {
        assert_eq!(text.parse::<Email>(), Err(fault), "{text:?}");
    }
}

#[test]
fn an_address_of_the_version_before_is_read_and_compared_as_it_was() {
    for (text, key) in [
        ("☃@example.org", "☃@example.org"),
        ("“Ada”@example.org", "“ada”@example.org"),
        ("ada@☃.example", "ada@xn--n3h.example"),
        (r#""a\é"@example.org"#, r#""a\é"@example.org"#),
    ] {
        let email: Email = serde_json::from_value(text.into()).unwrap();

        assert_eq!((email.as_str(), email.key()), (text, key));
        assert!(text.parse::<Email>().is_err(), "{text}");
    }
    let long = format!("{}@example.org", "É".repeat(64));
    assert_eq!(Email::stored(&long).unwrap().key(), long.to_lowercase());
    assert_eq!(long.parse::<Email>(), Err(InvalidEmail::LocalTooLong));
    for text in ["ada", "@example.org", "ada@", "ada@localhost"] {
        assert!(Email::stored(text).is_err(), "{text}");
    }
}

#[test]
fn the_local_part_has_at_most_64_octets() {
    for letter in ["a", "é", "用", "e\u{301}"] {
        let count = 64 / letter.len();
        let longest = format!("{}@example.org", letter.repeat(count));
        let too_long = format!("{}@example.org", letter.repeat(count + 1));

        assert_eq!(longest.parse::<Email>().err(), None, "{letter}");
        assert_eq!(
            too_long.parse::<Email>(),
            Err(InvalidEmail::LocalTooLong),
            "{letter}"
        );
    }
}

#[test]
fn an_address_has_at_most_254_octets() {
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
    // 3 octets a label as it is written, 8 in ASCII.
    let domain = "ü.".repeat(25) + "example";
    let text = format!("{}@{domain}", "a".repeat(64));
    assert!(text.len() < Email::MAX_OCTETS);

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
fn addresses_are_written_alike_whatever_the_case_of_ascii_letters() {
    for (one, other) in [
        ("Ada@Example.ORG", "ada@example.org"),
        ("dörte@sörensen.example", "Dörte@Sörensen.example"),
    ] {
        assert!(email(one).is_written_like(&email(other)), "{one} and {other}");
    }
    for (one, other) in [
        ("\u{212A}elvin@example.org", "kelvin@example.org"),
        ("fir\u{17F}t@example.org", "first@example.org"),
        ("ada@fir\u{17F}t.example", "ada@first.example"),
        ("ÉMILE@example.org", "émile@example.org"),
        ("e\u{301}mile@example.org", "émile@example.org"),
        ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
    ] {
        assert_eq!(email(one), email(other));
        assert!(!email(one).is_written_like(&email(other)), "{one} and {other}");
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
fn a_letter_counts_as_the_octets_it_is_compared_by() {
    // 1 letter of 2 octets, which is folded to one of 3.
    let letter = |times| format!("{}@example.org", "\u{23A}".repeat(times));

    assert_eq!(email(&letter(21)).key().len(), 21 * 3 + "@example.org".len());
    assert_eq!(letter(22).parse::<Email>(), Err(InvalidEmail::LocalTooLong));
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
            prop_assert!(email.key().len() <= Email::MAX_OCTETS);
        }
    }

    #[test]
    fn case_never_matters(text in "[a-z0-9.]{1,20}@[a-z]{1,10}\\.[a-z]{2,4}") {
        if let Ok(email) = text.parse::<Email>() {
            prop_assert_eq!(email, text.to_uppercase().parse::<Email>().unwrap());
        }
    }

    #[test]
    fn what_is_taken_is_read_from_storage_the_same(text in likely()) {
        if let Ok(email) = text.parse::<Email>() {
            let stored = Email::stored(email.as_str()).unwrap();
            prop_assert_eq!((stored.as_str(), stored.key()), (email.as_str(), email.key()));
        }
    }

    #[test]
    fn a_suggestion_is_an_address(text in "[a-z “”<>,;.@\\u{200B}é’🙂()mailto:]{0,30}") {
        if let Some(meant) = Email::suggestion(&text) {
            prop_assert_eq!(meant.parse::<Email>().unwrap().to_string(), meant);
        }
    }
}

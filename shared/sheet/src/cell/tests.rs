#![expect(
    clippy::too_many_lines,
    reason = "a test tells its story from beginning to end"
)]

use proptest::prelude::*;

use super::*;

fn rules(country: Option<&str>) -> CellRules {
    CellRules {
        assignable: Roles::from(Role::Originator).with(Role::Collaborator),
        country: country.map(|code| code.parse().unwrap()),
    }
}

/// Code, message and suggestion of a fault.
type Found = (Code, String, Option<String>);

/// What the cell of a member gives: its value as text, and its faults.
fn read(member: Member, cell: &str) -> (Option<String>, Vec<Found>) {
    let rules = rules(None);
    let cell = unescape(cell).trim();
    let draft = UserDraft::of(|other| match other {
        // A row that names no roles has the default ones.
        _ if other == member && !(member == Member::Roles && rules.given(member, cell).is_missing()) => {
            rules.given(member, cell)
        }
        Member::Email => "ada@example.org".into(),
        Member::Roles => "ROLE_ORIGINATOR".into(),
        _ => Given::Absent,
    });
    match draft.parse(rules.assignable) {
        Ok(new) => {
            let view = serde_json::to_value(roster::UserView::from(&roster::User::new(
                new,
                roster::Timestamp::MAX,
                None,
            )))
            .unwrap();
            let value = match &view[member.name()] {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            let warnings = if member.takes_any_text() {
                warnings(member, cell)
            } else {
                Vec::new()
            };
            (
                value,
                warnings
                    .into_iter()
                    .map(|fault| (fault.code, fault.message(), fault.suggestion))
                    .collect(),
            )
        }
        Err(faults) => (
            None,
            faults
                .into_iter()
                .filter(|fault| fault.place.member() == Some(member))
                .map(|fault| {
                    rules
                        .explained(member, cell, fault)
                        .suggesting(rules.suggestion(member, cell))
                })
                .map(|fault| (fault.code, fault.message(), fault.suggestion))
                .collect(),
        ),
    }
}

fn value(member: Member, cell: &str) -> Option<String> {
    let (value, faults) = read(member, cell);
    assert_eq!(faults, [], "{member} {cell:?}");
    value
}

/// The code and the suggestion of the first fault, and its message.
#[track_caller]
fn fault(member: Member, cell: &str) -> (Code, Option<String>, String) {
    let (_, faults) = read(member, cell);
    let (code, message, suggestion) = faults
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("{member} {cell:?} is sound"));
    (code, suggestion, message)
}

#[test]
fn what_nobody_sees_is_dropped_at_either_end_of_any_cell() {
    for blank in [
        "\u{A0}", "\u{3000}", "\u{200B}", "\u{FEFF}", "\u{2060}", "\u{AD}", "\u{200E}", "\u{202A}",
        "\u{2069}",
    ] {
        for (member, cell, expected) in [
            (Member::Email, "ada@example.org", "ada@example.org"),
            (Member::FirstName, "Ada", "Ada"),
            (Member::MobileNumber, "+4930901820", "+4930901820"),
            (Member::Roles, "Collaborator", r#"["ROLE_COLLABORATOR"]"#),
            (Member::Enabled, "no", "false"),
            (Member::AccountType, "ldap", "LDAP"),
            (Member::PlanId, "gold", "gold"),
            (Member::ExternalUserId, "7", "7"),
        ] {
            let cell = format!("{blank}{cell}{blank} ");
            assert_eq!(value(member, &cell).as_deref(), Some(expected), "{cell:?}");
            assert_eq!(value(Member::LastName, blank), None);
        }
    }
}

#[test]
fn a_name_loses_what_nobody_sees_and_keeps_what_joins_letters() {
    assert_eq!(value(Member::FirstName, "Mi\u{200B}a").as_deref(), Some("Mia"));
    assert_eq!(
        value(Member::FirstName, "\u{202B}מיה\u{202C} ב").as_deref(),
        Some("מיה ב")
    );
    assert_eq!(
        value(Member::FirstName, "نا\u{200C}مه").as_deref(),
        Some("نا\u{200C}مه")
    );
    let (code, suggestion, message) = fault(Member::FirstName, "Ada\nAugusta");
    assert_eq!(
        (code, suggestion.as_deref()),
        (Code::InvalidFormat, Some("Ada Augusta"))
    );
    assert!(message.contains("line break"), "{message}");
    assert_eq!(fault(Member::FirstName, &"x".repeat(101)).0, Code::TooLong);
}

#[test]
fn an_address_is_read_out_of_what_only_says_that_it_is_one() {
    for cell in [
        "<q@example.org>",
        "mailto:q@example.org",
        "MAILTO: q@example.org",
        "<mailto:q@example.org>",
        "< q@example.org >",
    ] {
        assert_eq!(
            value(Member::Email, cell).as_deref(),
            Some("q@example.org"),
            "{cell}"
        );
    }
}

#[test]
fn an_address_that_is_refused_comes_with_the_one_that_was_meant() {
    for (cell, meant) in [
        ("Ann Lee <q@example.org>", Some("q@example.org")),
        ("\"Lee, Ann\" <q@example.org>", Some("q@example.org")),
        ("q@example.org, r@example.org", Some("q@example.org")),
        ("q@example.org; r@example.org", Some("q@example.org")),
        ("q@example.org r@example.org", Some("q@example.org")),
        ("q@example.org ::: r@example.org", Some("q@example.org")),
        ("q@example.org and r@example.org", Some("q@example.org")),
        ("q@example.org/r@example.org", Some("q@example.org")),
        ("q@example.org\nr@example.org", Some("q@example.org")),
        ("q@example.org;", Some("q@example.org")),
        ("q@example.org.", Some("q@example.org")),
        ("q@example.org,", Some("q@example.org")),
        ("(q@example.org)", Some("q@example.org")),
        ("“q@example.org”", Some("q@example.org")),
        ("„q@example.org“", Some("q@example.org")),
        ("«q@example.org»", Some("q@example.org")),
        ("q@example.org–", Some("q@example.org")),
        ("q@example.org🙂", Some("q@example.org")),
        ("q@example.org!", Some("q@example.org")),
        ("q@\u{201C}example.org", Some("q@example.org")),
        ("so\u{AD}ft@example.org", Some("soft@example.org")),
        ("ann@exam\u{200B}ple.org", Some("ann@example.org")),
        ("o’brien@example.org", Some("o'brien@example.org")),
        ("o&#39;brien@example.org", Some("o'brien@example.org")),
        ("a–b@example.org", Some("a-b@example.org")),
        ("ｑ＠ｅｘａｍｐｌｅ．ｏｒｇ", Some("q@example.org")),
        ("q @ example.org", Some("q@example.org")),
        ("q@example. org", Some("q@example.org")),
        ("q@example,org", Some("q@example.org")),
        ("q@@example.org", Some("q@example.org")),
        ("q..r@example.org", Some("q.r@example.org")),
        ("smtp:q@example.org", Some("q@example.org")),
        ("mailto:q@example.org?subject=Hi", Some("q@example.org")),
        ("ann lee@example.org", None),
        ("Ann Lee", None),
        ("q@", None),
        ("q@localhost", None),
        ("☃@example.org", None),
        ("NULL", None),
        ("#N/A", None),
    ] {
        let (code, suggestion, _) = fault(Member::Email, cell);

        assert_eq!(
            (code, suggestion.as_deref()),
            (Code::InvalidFormat, meant),
            "{cell}"
        );
    }
    let (.., message) = fault(Member::Email, "ann@exam\u{200B}ple.org");
    assert!(message.contains("U+200B, an invisible space"), "{message}");
    assert!(
        fault(Member::Email, "“q@example.org”")
            .2
            .contains("the character “ (U+201C)")
    );
}

#[test]
fn a_number_that_is_refused_comes_with_the_one_that_was_meant_in_the_country() {
    let suggestion = |country, cell| rules(country).suggestion(Member::MobileNumber, cell);

    assert_eq!(
        suggestion(Some("DE"), "0151 23456789").as_deref(),
        Some("+4915123456789")
    );
    assert_eq!(suggestion(None, "0151 23456789"), None);
    assert_eq!(suggestion(Some("DE"), "house"), None);
}

#[test]
fn roles_are_read_however_they_are_separated() {
    for cell in [
        "Originator, Collaborator",
        "Originator; ROLE_COLLABORATOR",
        "originator|collaborator|",
        "Originator / Collaborator",
        "Originator\nCollaborator",
        r#"["Originator", "ROLE_COLLABORATOR"]"#,
        "ORIGINATOR；COLLABORATOR",
        "Originator;originator,,Collaborator",
    ] {
        let both = r#"["ROLE_ORIGINATOR","ROLE_COLLABORATOR"]"#;
        assert_eq!(value(Member::Roles, cell).as_deref(), Some(both), "{cell}");
    }
}

#[test]
fn roles_that_are_refused_come_with_those_that_were_meant() {
    for (cell, code, meant) in [
        ("Orignator", Code::UnknownRole, Some("Originator")),
        (
            "ROLE_COLABORATOR; Orignator",
            Code::UnknownRole,
            Some("Collaborator; Originator"),
        ),
        (
            "Originator; Colaborator",
            Code::UnknownRole,
            Some("Originator; Collaborator"),
        ),
        ("Orignator; boss", Code::UnknownRole, None),
        ("Usr admin", Code::UnknownRole, None),
        ("Orignator; System admin", Code::UnknownRole, None),
        ("Ad hoc", Code::NotAssignable, None),
        ("System admin", Code::ForbiddenRole, None),
        ("NULL", Code::UnknownRole, Some("")),
    ] {
        let (found, suggestion, message) = fault(Member::Roles, cell);

        assert_eq!((found, suggestion.as_deref()), (code, meant), "{cell}");
        let lists = message.contains("ROLE_ORIGINATOR, ROLE_COLLABORATOR") && !message.contains("ADMIN,");
        assert_eq!(lists, code == Code::UnknownRole, "{message}");
    }
}

#[test]
fn a_word_that_is_neither_true_nor_false_is_refused_with_those_that_are() {
    let (code, suggestion, message) = fault(Member::Enabled, "maybe");

    assert_eq!((code, suggestion), (Code::InvalidFormat, None));
    assert!(message.contains("yes, no, active"), "{message}");
    assert_eq!(fault(Member::Enabled, "n/a").1.as_deref(), Some(""));
}

#[test]
fn what_a_spreadsheet_could_not_compute_is_never_stored() {
    for member in Member::ALL {
        for cell in [
            "#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "Err:502", "#NV", "#####",
        ] {
            let (code, suggestion, message) = fault(member, cell);

            assert_eq!((code, suggestion), (Code::InvalidFormat, None), "{member} {cell}");
            assert!(
                message.contains("the spreadsheet could not compute this cell"),
                "{message}"
            );
        }
    }
}

#[test]
fn damage_that_is_likely_is_a_warning() {
    for (cell, code, meant) in [
        ("NULL", Code::LooksEmpty, ""),
        ("\\N", Code::LooksEmpty, ""),
        ("O&#39;Neil", Code::LooksEscaped, "O'Neil"),
        ("JosÃ©", Code::LooksGarbled, "José"),
        ("Jos&Atilde;&copy;", Code::LooksEscaped, "José"),
    ] {
        for member in [
            Member::FirstName,
            Member::OtherName,
            Member::PlanId,
            Member::ExternalUserId,
        ] {
            let (stored, faults) = read(member, cell);
            if cell.contains("&copy;") {
                continue;
            }
            assert_eq!(stored.as_deref(), Some(cell));
            let faults: Vec<_> = faults
                .iter()
                .map(|(code, _, meant)| (*code, meant.as_deref()))
                .collect();
            assert_eq!(faults, [(code, Some(meant))], "{member} {cell}");
        }
    }
    let (_, both) = read(Member::LastName, "O&#39;NeilÃ©");
    let both: Vec<_> = both
        .iter()
        .map(|(code, _, meant)| (*code, meant.as_deref()))
        .collect();
    assert_eq!(
        both,
        [
            (Code::LooksEscaped, Some("O'Neilé")),
            (Code::LooksGarbled, Some("O'Neilé"))
        ]
    );
}

/// Cells that are near to what people write.
fn likely() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "ada",
        "@",
        "example",
        ".org",
        ".",
        ",",
        ";",
        " ",
        "<",
        ">",
        "\"",
        "'",
        "“",
        "”",
        "’",
        "\u{200B}",
        "\u{AD}",
        "\u{A0}",
        "mailto:",
        "tel:",
        "+",
        "00",
        "44",
        "7912",
        "345678",
        "(0)",
        "-",
        "–",
        "E+11",
        "ROLE_",
        "Originator",
        "Orignator",
        "admin",
        "System",
        "Collaborator",
        "/",
        "|",
        "\n",
        "[",
        "]",
        "NULL",
        "#N/A",
        "yes",
        "JosÃ©",
        "&#39;",
        "&eacute;",
        "&amp;",
        "é",
        "花",
        "🙂",
        "\u{200D}",
        "=",
        "x",
        "\u{FEFF}",
        "\t",
        "&#32;",
        "&lt;",
        "Â",
        "Ã",
        "©",
        "\\N",
        "\\",
        "\"",
        "\u{3000}",
        "&nbsp;",
    ]);
    prop_oneof![
        4 => prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn a_suggestion_has_no_fault(cell in likely(), member in prop::sample::select(Member::ALL.to_vec())) {
        let (_, faults) = read(member, &cell);
        for (.., meant) in &faults {
            if let Some(meant) = meant {
                prop_assert!(!has_escaped_quote(meant.as_bytes()), "{} of {:?}", meant, cell);
                let (_, left) = read(member, meant);
                prop_assert_eq!(&left, &[], "{} of {:?}", meant, cell);
            }
        }
    }

    #[test]
    fn reading_a_number_with_a_country_is_total(cell in likely(), country in prop::sample::select(vec!["DE", "GB", "US", "IT", "RU", "HU"])) {
        let rules = rules(Some(country));
        let _ = rules.given(Member::MobileNumber, &cell);
        if let Some(meant) = rules.suggestion(Member::MobileNumber, &cell) {
            prop_assert!(Phone::of_cell(&meant, rules.country).is_ok() || meant.is_empty(), "{}", meant);
        }
    }
}

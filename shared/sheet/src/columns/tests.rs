use super::*;
use crate::{Dialect, Position, Rows};

fn columns_of(file: &[u8], unknown: UnknownColumns) -> Result<Columns, FileFault> {
    let dialect = Dialect::detect(file).unwrap();
    let mut rows = Rows::new(dialect, Position::START);
    rows.feed(file);
    rows.finish();
    Columns::read(rows.next_row(), unknown)
}

fn read(file: &str) -> Result<Columns, FileFault> {
    columns_of(file.as_bytes(), UnknownColumns::Refuse)
}

/// What the second row of a file gives for a member.
fn given(file: &str, member: Member, assert: impl FnOnce(Given<'_>)) {
    let mut rows = Rows::new(Dialect::detect(file.as_bytes()).unwrap(), Position::START);
    rows.feed(file.as_bytes());
    rows.finish();
    let columns = Columns::read(rows.next_row(), UnknownColumns::Refuse).unwrap();
    let Content::Cells(cells) = rows.next_row().unwrap().content else {
        panic!("a row of cells")
    };
    assert(columns.given(member, &cells).unwrap());
}

#[test]
fn every_name_of_a_column_means_one_member() {
    let all: Vec<_> = Member::ALL
        .iter()
        .flat_map(|member| member.column_names())
        .collect();

    for name in &all {
        assert_eq!(bare(name), **name);
        assert_eq!(all.iter().filter(|other| other == &name).count(), 1, "{name}");
    }
    for member in Member::ALL {
        assert_eq!(member.column_names()[0], member.name().to_lowercase());
        assert_eq!(serde_json::to_value(member).unwrap(), member.name());
    }
}

#[test]
fn names_are_known_however_they_are_written() {
    for (name, member) in [
        ("email", Member::Email),
        (" E-Mail ", Member::Email),
        ("E_MAIL", Member::Email),
        ("Email Address", Member::Email),
        ("\u{FEFF}email", Member::Email),
        ("First Name", Member::FirstName),
        ("Given\u{A0}name", Member::FirstName),
        ("SURNAME", Member::LastName),
        ("family-name", Member::LastName),
        ("Middle\nName", Member::OtherName),
        ("Phone", Member::MobileNumber),
        ("Mobile", Member::MobileNumber),
        ("Mobile No.", Member::MobileNumber),
        ("Role", Member::Roles),
        ("Active", Member::Enabled),
        ("account.type", Member::AccountType),
        ("plan_id", Member::PlanId),
        ("External User ID", Member::ExternalUserId),
    ] {
        assert_eq!(member_of(name), Some(member), "{name}");
    }
    for name in ["", "_email", " _email", "department", "ID"] {
        assert_eq!(member_of(name), None, "{name}");
    }
}

#[test]
fn columns_stand_in_any_order_and_are_kept_as_written() {
    let columns = read("Surname; E-Mail ;_note;_Email\n").unwrap();

    assert_eq!(columns.header(), ["Surname", "E-Mail", "_note", "_Email"]);
    assert_eq!(
        columns.members().collect::<Vec<_>>(),
        [(Member::Email, "E-Mail"), (Member::LastName, "Surname")]
    );
    assert_eq!(columns.ignored().collect::<Vec<_>>(), ["_note", "_Email"]);
    assert_eq!(columns.name(Member::Roles), None);
}

#[test]
fn a_header_alone_is_a_file() {
    assert!(read("email").is_ok());
}

#[test]
fn an_unknown_column_is_named_with_the_nearest_known_one() {
    assert_eq!(
        read("emial,firstName\n").unwrap_err().to_string(),
        "the column \"emial\" is not known; did you mean \"email\"? Rename it, begin its name with \"_\" or send \
         unknownColumns=ignore"
    );
    assert_eq!(
        read("email,department\n").unwrap_err().to_string(),
        "the column \"department\" is not known. Rename it, begin its name with \"_\" or send \
         unknownColumns=ignore"
    );
}

#[test]
fn all_unknown_columns_are_named() {
    assert_eq!(
        read("email,frist name,department,\n").unwrap_err().to_string(),
        "the columns \"frist name\" (did you mean \"firstName\"?), \"department\" and number 4, which has no name \
         are not known. Rename them, begin their names with \"_\" or send unknownColumns=ignore"
    );
}

#[test]
fn unknown_columns_are_left_out_when_asked() {
    let columns = columns_of(b"email,department,\n", UnknownColumns::Ignore).unwrap();

    assert_eq!(columns.ignored().collect::<Vec<_>>(), ["department", ""]);
}

#[test]
fn the_fault_of_a_wide_header_is_short() {
    let narrow_names = (0..10_000).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    let long_names = vec!["x\n".repeat(300); 100].join("\",\"");

    let many = read(&narrow_names).unwrap_err().to_string();
    let long = read(&format!("\"{long_names}\"")).unwrap_err().to_string();

    assert!(
        many.contains("\"c0\", \"c1\"") && many.contains("and 9980 more are not known"),
        "{many}"
    );
    assert!(many.len() < 500);
    assert!(long.contains("and 80 more") && long.len() < 2000, "{long}");
    assert!(!long.contains('\n'));
}

#[test]
fn two_columns_that_mean_the_same_are_refused() {
    assert_eq!(
        read("email,E-Mail\n").unwrap_err().to_string(),
        "the columns \"email\" and \"E-Mail\" both mean \"email\"; remove one of them or begin its name with \"_\""
    );
}

#[test]
fn a_file_that_has_no_use_is_refused() {
    assert_eq!(read("firstName,lastName\n"), Err(FileFault::NoEmail));
    assert_eq!(read(""), Err(FileFault::Empty));
    assert_eq!(read("\n  \r\n"), Err(FileFault::Empty));
    assert_eq!(read("\u{FEFF}"), Err(FileFault::Empty));
    assert_eq!(
        read("email,\"roles\n"),
        Err(FileFault::HeaderUnclosedQuote { line: 1 })
    );
    assert_eq!(
        read(&format!("email,{}\n", "x".repeat(70_000))),
        Err(FileFault::HeaderTooLarge)
    );
    assert_eq!(
        columns_of(b"email,Pr\xE9nom\n", UnknownColumns::Ignore),
        Err(FileFault::HeaderNotUtf8 { column: 2 })
    );
}

#[test]
fn columns_are_stored_and_come_back() {
    let columns = read("Surname,email,_x\n").unwrap();

    let json = serde_json::to_string(&columns).unwrap();

    assert_eq!(serde_json::from_str::<Columns>(&json).unwrap(), columns);
}

#[test]
fn a_cell_is_trimmed_and_restored() {
    given("email,phone\na@b.c, x \n", Member::MobileNumber, |given| {
        assert_eq!(given, Given::from("x"));
    });
    given(
        "email,phone\na@b.c,'+491701234567\n",
        Member::MobileNumber,
        |given| {
            assert_eq!(given, Given::from("+491701234567"));
        },
    );
}

#[test]
fn a_cell_that_is_empty_or_not_there_is_absent() {
    for file in [
        "email,phone\na@b.c,\n",
        "email,phone\na@b.c,  \n",
        "email,phone\na@b.c\n",
        "email\na@b.c\n",
    ] {
        given(file, Member::MobileNumber, |given| assert!(given.is_missing()));
    }
}

#[test]
fn a_cell_that_is_not_valid_is_told() {
    let mut rows = Rows::new(Dialect::detect(b"email\n").unwrap(), Position::START);
    rows.feed(b"email\n\xE9\n");
    let columns = Columns::read(rows.next_row(), UnknownColumns::Refuse).unwrap();
    let Content::Cells(cells) = rows.next_row().unwrap().content else {
        panic!("a row of cells")
    };

    assert_eq!(columns.cell(Member::Email, &cells), Err(NotUtf8));
    assert_eq!(columns.cell(Member::Roles, &cells), Ok(None));
}

#[test]
fn roles_are_a_list() {
    for cell in [
        "Originator; ROLE_USER_ADMIN",
        "Originator|ROLE_USER_ADMIN|",
        "\"Originator, ,ROLE_USER_ADMIN\"",
    ] {
        given(&format!("email,roles\na@b.c,{cell}\n"), Member::Roles, |given| {
            let roles = ["Originator", "ROLE_USER_ADMIN"].map(Given::from).to_vec();
            assert_eq!(given, Given::List(roles));
        });
    }
    given("email,roles\na@b.c, ; \n", Member::Roles, |given| {
        assert!(given.is_missing());
    });
}

#[test]
fn a_flag_has_several_words() {
    for (cell, expected) in [
        ("TRUE", Given::Flag(true)),
        ("Yes", Given::Flag(true)),
        ("1", Given::Flag(true)),
        ("enabled", Given::Flag(true)),
        ("Active", Given::Flag(true)),
        ("false", Given::Flag(false)),
        ("NO", Given::Flag(false)),
        (" 0 ", Given::Flag(false)),
        ("disabled", Given::Flag(false)),
        ("inactive", Given::Flag(false)),
        ("maybe", Given::from("maybe")),
    ] {
        given(
            &format!("email,enabled\na@b.c,{cell}\n"),
            Member::Enabled,
            |given| {
                assert_eq!(given, expected);
            },
        );
    }
}

#[test]
fn columns_are_stored_by_the_names_of_their_members() {
    let columns = read("Surname,email,_line\n").unwrap();

    let json = serde_json::to_value(&columns).unwrap();

    assert_eq!(
        json,
        serde_json::json!({ "header": ["Surname", "email", "_line"], "members": { "email": 1, "lastName": 0 } })
    );
    assert_eq!(serde_json::from_value::<Columns>(json).unwrap(), columns);
}

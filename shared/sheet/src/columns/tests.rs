use super::*;
use crate::{Dialect, Position, Rows};

fn columns_of(file: &[u8], unknown: UnknownColumns) -> Result<Columns, FileFault> {
    let dialect = Dialect::detect(file).unwrap();
    let mut rows = Rows::new(dialect, Position::START);
    rows.feed(file);
    rows.finish();
    Columns::read(rows.next_row(), unknown, None)
}

fn read(file: &str) -> Result<Columns, FileFault> {
    columns_of(file.as_bytes(), UnknownColumns::Refuse)
}

/// A file whose columns mean what a mapping in JSON says.
fn mapped(file: &str, mapping: &str, unknown: UnknownColumns) -> Result<Columns, FileFault> {
    let mut rows = Rows::new(Dialect::detect(file.as_bytes()).unwrap(), Position::START);
    rows.feed(file.as_bytes());
    rows.finish();
    let mapping = ColumnMapping::of_json(mapping).unwrap();
    Columns::read(rows.next_row(), unknown, Some(&mapping))
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
        assert_eq!(
            labels::meaning(name).map(|meaning| meaning.member),
            Some(member),
            "{name}"
        );
    }
    for name in ["", "_email", " _email", "department", "ID"] {
        assert_eq!(
            labels::meaning(name).map(|meaning| meaning.member),
            None,
            "{name}"
        );
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
        read("email,frist name\n").unwrap_err().to_string(),
        "the column \"frist name\" is not known; did you mean \"firstName\"? Rename it, begin its name with \"_\", say with \
         columns what it means, or send unknownColumns=ignore"
    );
    assert_eq!(
        read("email,department\n").unwrap_err().to_string(),
        "the column \"department\" is not known. Rename it, begin its name with \"_\", say with columns what it means, \
         or send unknownColumns=ignore"
    );
}

#[test]
fn all_unknown_columns_are_named_and_those_without_a_name_are_none() {
    assert_eq!(
        read("email,frist name,department,\n").unwrap_err().to_string(),
        "the columns \"frist name\" (did you mean \"firstName\"?) and \"department\" are not known. Rename them, begin \
         their names with \"_\", say with columns what they mean, or send unknownColumns=ignore"
    );
    let columns = read("email,,Given name, \n").unwrap();
    assert_eq!(columns.unnamed().collect::<Vec<_>>(), [1, 3]);
    assert_eq!(columns.named_cells(), 3);
    assert_eq!(columns.ignored().count(), 0);
}

#[test]
fn a_member_that_has_a_column_is_not_offered_for_another() {
    let told = read("E-mail Address,E-mail 2 Address,Vornam\n")
        .unwrap_err()
        .to_string();

    assert!(
        told.contains("\"E-mail 2 Address\" and \"Vornam\" (did you mean \"firstName\"?)"),
        "{told}"
    );
}

#[test]
fn a_whole_name_is_to_be_split_or_mapped() {
    for name in ["Name", "Full name", "Nom", "Nombre", "Naam", "displayName [cn]"] {
        let told = read(&format!("email,{name}\n")).unwrap_err().to_string();

        assert!(!told.contains("did you mean"), "{told}");
        assert!(
            told.contains("split it into \"firstName\" and \"lastName\""),
            "{told}"
        );
    }
    for name in ["Username", "Login", "Block sign in"] {
        let told = read(&format!("email,{name}\n")).unwrap_err().to_string();

        assert!(told.contains("is not known. Rename it"), "{told}");
    }
}

#[test]
fn a_mapping_beats_the_table() {
    let (refuse, ignore) = (UnknownColumns::Refuse, UnknownColumns::Ignore);
    let members = |columns: &Columns| -> Vec<(Member, String)> {
        columns
            .members()
            .map(|(member, name)| (member, name.to_owned()))
            .collect()
    };

    let one = mapped(
        "email,Name,Notes\n",
        r#"{"Name": "firstName", "Notes": null}"#,
        refuse,
    )
    .unwrap();
    assert_eq!(members(&one)[1], (Member::FirstName, "Name".to_owned()));
    assert_eq!(one.ignored().collect::<Vec<_>>(), ["Notes"]);

    let two = mapped("Work Email,Primary Email\n", r#"{"Work Email": null}"#, refuse).unwrap();
    assert_eq!(members(&two), [(Member::Email, "Primary Email".to_owned())]);

    // A labelled column of a member that another column was given is left out and listed.
    let given = mapped("email,Login\n", r#"{"Login": "email"}"#, refuse).unwrap();
    assert_eq!(members(&given), [(Member::Email, "Login".to_owned())]);
    assert_eq!(given.ignored().collect::<Vec<_>>(), ["email"]);
    assert_eq!(
        given.understood().collect::<Vec<_>>(),
        [(Member::Email, Understood::Mapping)]
    );

    let position = mapped("email,x,y\n", r##"{"#2": "lastName"}"##, ignore).unwrap();
    assert_eq!(members(&position)[1], (Member::LastName, "x".to_owned()));

    let swapped = mapped(
        "firstName,lastName,email\n",
        r#"{"firstName": "lastName", "lastName": "firstName"}"#,
        refuse,
    );
    assert_eq!(
        members(&swapped.unwrap())[1],
        (Member::FirstName, "lastName".to_owned())
    );

    let none = mapped("email\n", r#"{"email": null}"#, refuse).unwrap_err();
    assert!(matches!(none, FileFault::NoEmail { .. }), "{none}");
}

#[test]
fn it_is_said_how_each_column_was_understood() {
    let columns = read("e-mail,Vorname,Apellidos\n").unwrap();

    assert_eq!(
        columns.understood().collect::<Vec<_>>(),
        [
            (Member::Email, Understood::Name),
            (Member::FirstName, Understood::Label),
            (Member::LastName, Understood::Label),
        ]
    );
}

#[test]
fn columns_by_position_need_no_header() {
    let columns = Columns::by_position(&[Some(Member::Email), None, Some(Member::LastName)]).unwrap();

    assert_eq!(columns.header(), ["email", "_2", "lastName"]);
    assert_eq!(columns.index(Member::LastName), Some(2));
    assert!(Columns::by_position(&[Some(Member::FirstName)]).is_err());
}

#[test]
fn unknown_columns_are_left_out_when_asked() {
    let columns = columns_of(b"email,department,\n", UnknownColumns::Ignore).unwrap();

    assert_eq!(columns.ignored().collect::<Vec<_>>(), ["department"]);
}

#[test]
fn the_fault_of_a_wide_header_is_short() {
    let narrow_names = (0..10_000).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",") + ",email";
    let long_names = vec!["x\n".repeat(300); 100].join("\",\"") + "\",\"email";

    let many = read(&narrow_names).unwrap_err().to_string();
    let long = read(&format!("\"{long_names}\"")).unwrap_err().to_string();

    assert!(
        many.contains("\"c0\", \"c1\"") && many.contains("and 9980 more are not known"),
        "{many}"
    );
    assert!(many.len() < 600);
    assert!(long.contains("and 80 more") && long.len() < 2000, "{long}");
    assert!(!long.contains('\n'));
}

#[test]
fn two_columns_that_mean_the_same_are_refused() {
    assert_eq!(
        read("email,E-Mail\n").unwrap_err().to_string(),
        "the columns \"email\" and \"E-Mail\" both mean \"email\"; remove one of them, or leave one out with \
         columns={\"email\": null}"
    );
    let same = read("email,email\n").unwrap_err().to_string();
    assert!(same.ends_with("columns={\"#1\": null}"), "{same}");
}

#[test]
fn a_file_that_has_no_use_is_refused() {
    assert_eq!(
        read("firstName,surnam,,Emial\n").unwrap_err().to_string(),
        "no column is named \"email\"; rename the column that holds the addresses, or say with columns which one it is. \
         The columns are \"firstName\", \"surnam\" and \"Emial\" (is it \"Emial\"?)"
    );
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
fn a_cell_that_is_not_valid_is_told() {
    let mut rows = Rows::new(Dialect::detect(b"email\n").unwrap(), Position::START);
    rows.feed(b"email\n\xE9\n");
    let columns = Columns::read(rows.next_row(), UnknownColumns::Refuse, None).unwrap();
    let Content::Cells(cells) = rows.next_row().unwrap().content else {
        panic!("a row of cells")
    };

    assert_eq!(columns.cell(Member::Email, &cells), Err(NotUtf8));
    assert_eq!(columns.cell(Member::Roles, &cells), Ok(None));
}

#[test]
fn columns_are_stored_by_the_names_of_their_members() {
    let columns = read("Surname,email,_line\n").unwrap();

    let json = serde_json::to_value(&columns).unwrap();

    assert_eq!(
        json,
        serde_json::json!({
            "header": ["Surname", "email", "_line"],
            "members": { "email": 1, "lastName": 0 },
            "understood": { "email": "name", "lastName": "label" },
        })
    );
    assert_eq!(serde_json::from_value::<Columns>(json).unwrap(), columns);

    let earlier = serde_json::json!({ "header": ["email"], "members": { "email": 0 } });
    let earlier: Columns = serde_json::from_value(earlier).unwrap();
    assert_eq!(
        (earlier.index(Member::Email), earlier.understood().count()),
        (Some(0), 0)
    );
}

//! `POST /users/import`.

use crate::support::Service;

#[tokio::test(flavor = "multi_thread")]
async fn good_rows_become_users_and_every_fault_of_a_bad_row_is_told() {
    let service = Service::start().await;

    let import = service
        .import(include_bytes!("../../../examples/people-with-errors.csv"), &[])
        .await
        .expect(200);

    assert_eq!(import["success"], false);
    assert_eq!(import["counts"]["created"], 5);
    assert_eq!(
        import["errors"].as_array().unwrap(),
        &[
            "line 4: email is required",
            "line 6: email \"tim@\" is not an email address",
            "line 6: mobileNumber \"12345\" does not begin with + and a country code",
            "line 6: roles \"Wizard\" is not a role",
            "line 9: email \"Linus@Example.org\" stands on line 2 already",
            "line 10: the row has 2 cells, the header has 5",
            "line 11: roles \"ROLE_ADHOC_COLLABORATOR\" cannot be given to a new account",
        ]
    );
}

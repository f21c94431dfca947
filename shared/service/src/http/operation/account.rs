//! What operations on an account have in common.

use roster::{Email, UserDraft, UserView};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Ref;

use super::{Answer, Description, add, add_read_only, nullable};
use crate::accounts::READ_ONLY;
use crate::http::Kind;

impl Description {
    /// It answers with an account, described as `about`.
    #[must_use]
    pub fn answers_user(self, about: &str) -> Self {
        let user = Answer::json::<UserView>(about).header("ETag", "The user's entity tag, for `If-Match`");
        self.answers(200, user).fails(&[&Kind::FORBIDDEN])
    }

    /// It takes a change of an account, as [`patched`](crate::accounts::patched) reads it, and answers with the
    /// account, described as `about`. `email` says what another address comes to.
    #[must_use]
    pub fn takes_user_change(self, about: &str, email: &str) -> Self {
        self.about(&format!(
            "Members that you leave out stay as they are, and `null` removes a value. Members that only the service \
             sets may be sent with the value that they have. {email}"
        ))
        .if_match()
        .json::<UserDraft>(
            "UserChange",
            |change| {
                change.required.clear();
                add(change, "pendingEmail", Ref::from_schema_name(Email::name()));
                nullable(change, &["pendingEmail"]);
                add_read_only::<UserView>(change, &READ_ONLY);
            },
            json!({ "lastName": "King", "planId": null }),
        )
        .answers_user(about)
        .fails(&[&Kind::CONFLICT])
    }
}

//! Makes the first administrator and an access token for them. It has no route: whoever may invoke it
//! has access to the deployment already.

use lambda_runtime::{Error as InvocationError, LambdaEvent};
use serde::{Deserialize, Serialize};
use shared::App;
use shared::accounts::{self, TOKEN_LIFETIME};
use shared::audit::Actor;
use shared::clock;
use shared::roster::{
    Email, Given, RequestMark, Role, Roles, Tally, Timestamp, UserDraft, UserId, Violation,
};
use shared::table::{Account, IndexStore, Manifest, WhenFull};

/// What an operator asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The administrator's address.
    pub email: Email,
    /// Whether to go on although there is an administrator already.
    #[serde(default)]
    pub add: bool,
    /// What the administrator may be beside `ROLE_SYSTEM_ADMIN`.
    #[serde(default)]
    pub roles: Vec<Role>,
}

/// The administrator, and a token that is shown this once.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The administrator's id.
    pub user_id: UserId,
    /// An access token.
    pub access_token: String,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// Makes an enabled system administrator, or finds the one with the address, and issues a token.
///
/// The token is issued also to an administrator who has as many as are allowed, so that nobody is locked out; the
/// oldest one ends then.
///
/// # Errors
///
/// If an enabled system administrator exists and `add` is not set, if the address belongs to an
/// account that is none, or if storage fails.
pub async fn handle(app: &App, event: LambdaEvent<Request>) -> Result<Answer, InvocationError> {
    let Request { email, add, roles } = event.payload;
    if !add && app.users.active_system_admins().await? > 0 {
        return Err("an administrator exists; set \"add\" to true to make another".into());
    }
    let actor = Actor::bootstrap(&event.context.request_id);
    let account = match app.users.find_by_email(&email).await? {
        Some(account) if account.user.is_active_system_admin() => account,
        Some(_) => {
            return Err(
                "the address belongs to an account that is not an enabled system administrator".into(),
            );
        }
        None => {
            let roles: Roles = roles.into_iter().chain([Role::SystemAdmin]).collect();
            let draft = UserDraft {
                email: Given::from(email.as_str()),
                roles: Given::List(roles.iter().map(|role| role.as_str().into()).collect()),
                ..UserDraft::default()
            };
            let new = draft.parse(Roles::ALL).map_err(|faults| message(&faults))?;
            if app.users.tally().await? == Tally::default() {
                // Otherwise users are listed only while nobody writes, until the clock calls the function of the index.
                let index = IndexStore::new(app.table.clone());
                let deployed = Manifest {
                    bucket: app.config.bucket.clone(),
                    epoch: app.config.index_epoch.clone(),
                    is_listing_partial: !app.config.users_in_listing,
                    ..Manifest::default()
                };
                index.begin(deployed, clock::now()).await?;
            }
            let user = accounts::create(app, &actor, new, RequestMark::random()).await?;
            Account::new(user)
        }
    };
    let (token, expires_at) =
        accounts::issue_token(app, &actor, &account, TOKEN_LIFETIME, WhenFull::EndOldest).await?;
    Ok(Answer {
        user_id: account.user.id,
        access_token: token.reveal().to_owned(),
        expires_at,
    })
}

fn message(faults: &[Violation]) -> String {
    let messages: Vec<_> = faults.iter().map(Violation::message).collect();
    messages.join("; ")
}

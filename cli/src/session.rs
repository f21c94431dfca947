//! `access sign-in`, `sign-out` and `whoami`.

mod browser;
mod loopback;

use std::io::{self, IsTerminal, Read};

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{self, Output, shown};
use crate::service::{Client, Patience, ServiceArguments, Settings, Tokens};

/// How long an access token may be.
const LONGEST_TOKEN: u64 = 64 * 1024;

/// Arguments of `access sign-in`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SignInArguments {
    /// Read an access token from standard input, instead of signing in by the issuer in a browser
    #[arg(long, conflicts_with_all = ["no_browser", "port"])]
    token_stdin: bool,
    /// Open no browser, and only print the address to sign in at
    #[arg(long)]
    no_browser: bool,
    /// The port of 127.0.0.1 that the issuer comes back to, for issuers that take registered addresses only; otherwise
    /// any free one
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    #[command(flatten)]
    service: ServiceArguments,
}

/// Arguments of `access whoami`.
#[derive(Args, Clone, Debug)]
pub(crate) struct WhoamiArguments {
    /// Write the record as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: ServiceArguments,
}

/// Keeps an access token for the service, after asking the service whose it is.
///
/// # Errors
///
/// If there is no token, or the service does not accept it.
pub(crate) async fn sign_in(arguments: &SignInArguments) -> Result<(), Failure> {
    let settings = Settings::find(&arguments.service)?;
    let (token, me) = if arguments.token_stdin {
        let token = token_of_stdin()?;
        let me = account_of(&settings, &token).await?;
        (token, me)
    } else {
        let tokens = browser::tokens(&settings, arguments.port, !arguments.no_browser).await?;
        first_accepted(&settings, tokens).await?
    };
    let (folder, url) = (settings.folder(), &settings.url);
    Tokens::read(folder)?.set(folder, url, Some(token))?;
    let email = shown(me["email"].as_str().unwrap_or_default());
    output::remark(&format!("Signed in to {url} as {email}."));
    Ok(())
}

/// Reads an access token from standard input.
fn token_of_stdin() -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "standard input is a terminal, which would show the token; send it through a pipe: access sign-in \
             --token-stdin < token"
                .to_owned(),
        ));
    }
    let mut token = String::new();
    let read = io::stdin().lock().take(LONGEST_TOKEN).read_to_string(&mut token);
    read.map_err(|error| Failure::Usage(format!("standard input cannot be read ({error})")))?;
    let token = token.trim().to_owned();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::Usage(
            "standard input has no access token: it is empty or has blanks in it".to_owned(),
        ));
    }
    Ok(token)
}

/// Returns the account that `token` is for.
async fn account_of(settings: &Settings, token: &str) -> Result<Value, Failure> {
    let client = Client::with_token(settings.clone(), token.to_owned())?;
    client.get("/users/me", Patience::Short).await
}

/// Returns the first of an issuer's tokens that the service accepts, and whose it is.
async fn first_accepted(settings: &Settings, tokens: Vec<String>) -> Result<(String, Value), Failure> {
    for token in tokens {
        match account_of(settings, &token).await {
            Ok(me) => return Ok((token, me)),
            Err(Failure::Denied(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::Denied(format!(
        "the issuer signed you in, but no account of {} is yours; ask an administrator to create one for your address",
        settings.url
    )))
}

/// Ends the access token and forgets it.
///
/// # Errors
///
/// If the service is out of reach. The token is forgotten nevertheless.
pub(crate) async fn sign_out(arguments: &ServiceArguments) -> Result<(), Failure> {
    let settings = Settings::find(arguments)?;
    let folder = settings.folder().to_owned();
    let url = settings.url.clone();
    let client = Client::new(settings)?;
    let was_kept = Tokens::read(&folder)?.set(&folder, &url, None)?;
    let revoked = client
        .send(Patience::Short, || {
            client.request(Method::POST, "/auth/token/revoke")
        })
        .await;
    match revoked {
        // It has ended already.
        Ok(_) | Err(Failure::Denied(_)) => {}
        Err(failure) => return Err(failure),
    }
    output::remark(&format!("Signed out of {url}."));
    if !was_kept {
        output::remark(
            "The token was given by ACCESS_TOKEN or the profile; it has ended, and is still there.",
        );
    }
    Ok(())
}

/// Shows whose the access token is.
///
/// # Errors
///
/// If nobody is signed in, or the service is out of reach.
pub(crate) async fn whoami(arguments: &WhoamiArguments) -> Result<(), Failure> {
    let client = Client::new(Settings::find(&arguments.service)?)?;
    let me = client.get("/users/me", Patience::Short).await?;
    let mut out = Output::open();
    if arguments.json {
        out.line(&me.to_string())?;
    } else {
        let roles: Vec<_> = me["roles"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let email = shown(me["email"].as_str().unwrap_or_default());
        out.line(&format!(
            "{email} ({}) at {}",
            roles.join(", "),
            client.settings.url
        ))?;
    }
    out.flush()
}

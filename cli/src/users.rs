//! `access users`: accounts, by their ids or addresses.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::import::{Target, asked, save};
use crate::output::{self, Output, shown, shown_lines};
use crate::report::{count, listing};
use crate::service::{Client, Patience, ServiceArguments, Settings, path_segment};

/// How many users one request handles.
const BATCH: usize = 100;
/// How long the service may take to write a file: as long as its function lives.
const LONGEST_EXPORT: Duration = Duration::from_mins(15);
/// How often it is asked whether the file is written: a small one is there within a second.
const EXPORT_PAUSE: Duration = Duration::from_secs(1);

/// Arguments of `access users`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Write users as JSON, as the service answers them, one a line
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    service: ServiceArguments,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// List users in the order of their addresses
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many
        #[arg(long, default_value_t = Client::PAGE)]
        limit: u64,
    },
    /// Write users to a file, in the order of their addresses
    Export {
        #[command(flatten)]
        filter: Filter,
        /// How the file is written
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// Where the file is written; - for standard output
        #[arg(long, short, value_name = "FILE", default_value = "users.csv")]
        output: PathBuf,
    },
    /// Show users
    Show {
        /// Ids or addresses
        #[arg(required = true)]
        who: Vec<String>,
    },
    /// Add a user
    Add {
        /// The address
        email: String,
        #[command(flatten)]
        members: Members,
    },
    /// Change a user; an empty value is removed
    Change {
        /// An id or an address
        who: String,
        /// Another address
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        #[command(flatten)]
        members: Members,
    },
    /// Enable users
    Enable {
        /// Ids or addresses
        #[arg(required = true)]
        who: Vec<String>,
    },
    /// Disable users, whose access tokens are refused from then on
    Disable {
        /// Ids or addresses
        #[arg(required = true)]
        who: Vec<String>,
    },
    /// End every access token of users
    Expire {
        /// Ids or addresses
        #[arg(required = true)]
        who: Vec<String>,
    },
    /// Delete users with their contacts and access tokens
    Delete {
        /// Ids or addresses
        #[arg(required = true)]
        who: Vec<String>,
        /// Ask nothing
        #[arg(long, short)]
        yes: bool,
    },
    /// Show who did what to a user, newest first
    History {
        /// An id, also of a deleted user, or an address
        who: String,
        /// How many
        #[arg(long, default_value_t = Client::PAGE, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
    },
    /// Issue an access token for a user
    Token {
        /// An id or an address
        who: String,
        /// How long it is valid, in seconds
        #[arg(long, value_name = "SECONDS")]
        expires_in: Option<u64>,
    },
}

/// How users are written to a file
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// As an import takes it
    Csv,
    /// A user as JSON on each line
    Ndjson,
}

/// Which users
#[derive(Args, Clone, Debug)]
struct Filter {
    /// Only users whose address or name has these words
    #[arg(value_name = "TEXT")]
    search: Option<String>,
    /// Only users with this role
    #[arg(long)]
    role: Option<String>,
    /// Only users who are enabled, or who are not
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
}

impl Filter {
    /// Returns the parameters of a request.
    fn query(&self) -> Vec<(&'static str, String)> {
        let parameters = [
            ("searchText", self.search.clone()),
            ("role", self.role.clone()),
            ("enabled", self.enabled.map(|enabled| enabled.to_string())),
        ];
        let parameters = parameters.into_iter();
        parameters
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// The members of a user
#[derive(Args, Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    #[arg(long, value_name = "TEXT")]
    first_name: Option<String>,
    #[arg(long, value_name = "TEXT")]
    last_name: Option<String>,
    #[arg(long, value_name = "TEXT")]
    other_name: Option<String>,
    /// With a country code: +44 20 7946 0018
    #[arg(long, value_name = "NUMBER")]
    mobile_number: Option<String>,
    /// A role such as `ROLE_ORIGINATOR`; several by commas
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    roles: Option<Vec<String>>,
    #[arg(long, value_name = "TEXT")]
    account_type: Option<String>,
    #[arg(long, value_name = "TEXT")]
    plan_id: Option<String>,
    #[arg(long, value_name = "TEXT")]
    external_user_id: Option<String>,
}

impl Members {
    /// Returns the members that were given, as JSON; an empty one is null.
    fn body(&self) -> Map<String, Value> {
        // What was not given is null in this, and left out of the body.
        let given = match serde_json::to_value(self) {
            Ok(Value::Object(given)) => given,
            _ => Map::new(),
        };
        let given = given.into_iter().filter(|(_, value)| !value.is_null());
        given
            .map(|(name, value)| (name, if value == "" { Value::Null } else { value }))
            .collect()
    }
}

/// Does what is asked for.
///
/// # Errors
///
/// If the service refuses it or is out of reach.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let users = Users {
        client: Client::new(Settings::find(&arguments.service)?)?,
        json: arguments.json,
    };
    let mut out = Output::open();
    let done = users.run(&arguments.command, &mut out).await;
    out.flush()?;
    done
}

struct Users {
    client: Client,
    json: bool,
}

impl Users {
    async fn run(&self, command: &Command, out: &mut Output) -> Result<(), Failure> {
        match command {
            Command::List { filter, limit } => self.list(&filter.query(), *limit, out).await,
            Command::Export {
                filter,
                format,
                output,
            } => self.export(filter, *format, output).await,
            Command::Show { who } => {
                let mut users = Vec::new();
                for who in who {
                    users.push(self.find(who).await?);
                }
                self.show(&users, out)
            }
            Command::Add { email, members } => {
                let mut body = members.body();
                body.insert("email".to_owned(), json!(email));
                let user = self.post("/users", &Value::Object(body)).await?;
                self.show(&[user], out)
            }
            Command::Change { who, email, members } => {
                let mut body = members.body();
                body.extend(email.iter().map(|email| ("email".to_owned(), json!(email))));
                self.change(who, body, out).await
            }
            Command::Enable { who } => self.all("enable", who, out).await,
            Command::Disable { who } => self.all("disable", who, out).await,
            Command::Expire { who } => self.all("expire", who, out).await,
            Command::Delete { who, yes } => self.delete(who, *yes, out).await,
            Command::History { who, limit } => self.history(who, *limit, out).await,
            Command::Token { who, expires_in } => {
                let path = format!("/users/{}/tokens", path_segment(&self.id(who).await?));
                let body = expires_in.map_or(json!({}), |seconds| json!({ "expiresIn": seconds }));
                let token = self.post(&path, &body).await?;
                if self.json {
                    return out.line(&token.to_string());
                }
                output::remark(&format!(
                    "valid until {}",
                    token["expiresAt"].as_str().unwrap_or_default()
                ));
                out.line(token["accessToken"].as_str().unwrap_or_default())
            }
        }
    }

    async fn list(&self, filters: &[(&str, String)], limit: u64, out: &mut Output) -> Result<(), Failure> {
        let filters: Vec<_> = filters
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let (users, all) = self.page(&filters, limit).await?;
        self.show(&users, out)?;
        if (users.len() as u64) < all {
            output::remark(&format!(
                "{} more; see them by --limit",
                count(all - users.len() as u64, "user")
            ));
        }
        Ok(())
    }

    async fn export(&self, filter: &Filter, format: Format, output: &Path) -> Result<(), Failure> {
        let target = Target::named(output);
        if matches!(target, Target::File(_)) && output.exists() {
            return Err(Failure::Usage(format!(
                "{} exists already; name another file by --output",
                output.display()
            )));
        }
        let mut query = filter.query();
        let format = match format {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
        };
        query.push(("format", format.to_owned()));
        let started = Instant::now();
        let request = || {
            let request = self.client.request(Method::GET, "/users/export").query(&query);
            request.header(ACCEPT, "application/json")
        };
        let answer = loop {
            let answer = self.client.send(Patience::Long, request).await?;
            // Nothing is answered while the file is being written.
            if !answer.is_null() {
                break answer;
            }
            if started.elapsed() > LONGEST_EXPORT {
                return Err(Failure::Unreached(
                    "the service has not written the file yet; run the same again to go on waiting"
                        .to_owned(),
                ));
            }
            tokio::time::sleep(EXPORT_PAUSE).await;
        };
        let url = answer["url"].as_str().unwrap_or_default();
        let download = || self.client.without_token(Method::GET, url);
        let response = self.client.response(Patience::Long, download).await?;
        let written = save(response, target, "exported users").await?;
        let rows = count(answer["rows"].as_u64().unwrap_or_default(), "user");
        let taken_at = answer["takenAt"].as_str().unwrap_or_default();
        output::remark(&format!(
            "{rows}, as of {}, written to {}",
            shown(taken_at),
            written.display()
        ));
        Ok(())
    }

    async fn change(&self, who: &str, body: Map<String, Value>, out: &mut Output) -> Result<(), Failure> {
        if body.is_empty() {
            return Err(Failure::Usage(
                "nothing is to be changed; name a member, such as --first-name".to_owned(),
            ));
        }
        let path = format!("/users/{}", path_segment(&self.id(who).await?));
        let request = || self.client.request(Method::PUT, &path).json(&body);
        let answer = self.client.send(Patience::Short, request).await?;
        self.show(&[answer], out)
    }

    /// The first `limit` users with these filters, and how many there are.
    async fn page(&self, filters: &[(&str, &str)], limit: u64) -> Result<(Vec<Value>, u64), Failure> {
        let mut users = Vec::new();
        let each = |user: &Value| {
            users.push(user.clone());
            Ok(())
        };
        let all = self.client.walk("/users", filters, limit, each).await?;
        Ok((users, all))
    }

    /// The user with an id or an address.
    async fn find(&self, who: &str) -> Result<Value, Failure> {
        if !who.contains('@') {
            return self
                .client
                .get(&format!("/users/{}", path_segment(who)), Patience::Short)
                .await;
        }
        let is_same = |user: &Value| {
            let email = user["email"]
                .as_str()
                .and_then(|email| email.parse::<roster::Email>().ok());
            email.is_some_and(|email| who.parse().is_ok_and(|who: roster::Email| email == who))
        };
        let (users, _) = self.page(&[("searchText", who)], u64::MAX).await?;
        let found = users.into_iter().find(is_same);
        found.ok_or_else(|| {
            Failure::Usage(format!(
                "no user has the address {who}; look by: access users list"
            ))
        })
    }

    async fn id(&self, who: &str) -> Result<String, Failure> {
        if who.contains('@') {
            let user = self.find(who).await?;
            return Ok(user["id"].as_str().unwrap_or_default().to_owned());
        }
        Ok(who.to_owned())
    }

    async fn history(&self, who: &str, limit: u64, out: &mut Output) -> Result<(), Failure> {
        let path = format!("/users/{}/history", path_segment(&self.id(who).await?));
        let mut rows = Vec::new();
        let mut listed = 0;
        let each = |line: &Value| {
            listed += 1;
            if self.json {
                return out.line(&line.to_string());
            }
            let text = |name: &str| shown(line[name].as_str().unwrap_or_default());
            rows.push(vec![text("at"), text("by"), text("action"), changed(line)]);
            Ok(())
        };
        let all = self.client.walk(&path, &[], limit, each).await?;
        if !self.json {
            out.line(&listing(&["at", "by", "action", "changes"], rows))?;
        }
        if listed < all {
            output::remark(&format!(
                "{} more; see them by --limit",
                count(all - listed, "line")
            ));
        }
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let key = uuid::Uuid::new_v4().to_string();
        let request = || {
            let request = self.client.request(Method::POST, path);
            request.header("idempotency-key", &key).json(body)
        };
        self.client.send(Patience::Short, request).await
    }

    async fn delete(&self, who: &[String], yes: bool, out: &mut Output) -> Result<(), Failure> {
        if !yes {
            for who in who {
                let user = self.find(who).await?;
                let email = user["email"].as_str().unwrap_or_default();
                let question = format!(
                    "This deletes {} with all contacts. Type the address to go on: ",
                    shown(email)
                );
                if asked(&question)? != email {
                    return Err(Failure::Usage(
                        "the address was not typed, so nobody was deleted; or say --yes".to_owned(),
                    ));
                }
            }
        }
        self.all("delete", who, out).await
    }

    /// Does one thing to many users, a hundred at once, and reports what failed.
    async fn all(&self, action: &str, who: &[String], out: &mut Output) -> Result<(), Failure> {
        let mut failures = Vec::new();
        for who in who.chunks(BATCH) {
            let mut ids = Vec::new();
            for who in who {
                ids.push(self.id(who).await?);
            }
            let answer = self
                .post(&format!("/users/bulk?action={action}"), &json!({ "ids": ids }))
                .await?;
            for (who, result) in who.iter().zip(answer["results"].as_array().into_iter().flatten()) {
                if self.json {
                    out.line(&result.to_string())?;
                }
                if result["status"].as_u64().is_none_or(|status| status >= 400) {
                    let detail = result["detail"].as_str().unwrap_or_default();
                    failures.push(format!("{}: {}", shown(who), shown(detail)));
                }
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(Failure::Usage(failures.join("\n       ")))
        }
    }

    fn show(&self, users: &[Value], out: &mut Output) -> Result<(), Failure> {
        if self.json {
            return users.iter().try_for_each(|user| out.line(&user.to_string()));
        }
        let rows = users.iter().map(|user| {
            let text = |name: &str| shown(user[name].as_str().unwrap_or_default());
            let names = [text("firstName"), text("lastName")].join(" ");
            let roles: Vec<_> = user["roles"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let state = if user["enabled"] == true {
                "enabled"
            } else {
                "disabled"
            };
            vec![
                text("email"),
                names.trim().to_owned(),
                shown(&roles.join(", ")),
                state.to_owned(),
                text("id"),
            ]
        });
        out.line(&listing(
            &["email", "name", "roles", "state", "id"],
            rows.collect(),
        ))
    }
}

/// Returns what an act has changed, a member a line, with the values that histories have.
fn changed(line: &Value) -> String {
    let changes = line["changes"].as_array().into_iter().flatten();
    let lines = changes.map(|change| {
        let member = change["member"].as_str().unwrap_or_default();
        match (&change["before"], &change["after"]) {
            (_, Value::Null) => member.to_owned(),
            (Value::Null, after) => format!("{member}: {after}"),
            (before, after) => format!("{member}: {before} -> {after}"),
        }
    });
    shown_lines(&lines.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use roster::Member;

    use super::*;

    #[test]
    fn every_member_of_a_user_has_an_option() {
        let Ok(Value::Object(options)) = serde_json::to_value(Members::default()) else {
            panic!("options are members");
        };
        for member in Member::ALL {
            // An address is an argument of its own, and a user is enabled and disabled by commands of their own.
            let is_apart = matches!(member, Member::Email | Member::Enabled);
            assert_eq!(options.contains_key(member.name()), !is_apart, "{member}");
        }
    }

    #[test]
    fn an_option_that_is_not_given_is_left_out_and_an_empty_one_is_null() {
        let members = Members {
            first_name: Some("Ada".to_owned()),
            last_name: Some(String::new()),
            roles: Some(vec!["ROLE_ORIGINATOR".to_owned()]),
            ..Members::default()
        };
        let body = Value::Object(members.body());
        assert_eq!(
            body,
            json!({ "firstName": "Ada", "lastName": null, "roles": ["ROLE_ORIGINATOR"] })
        );
    }
}

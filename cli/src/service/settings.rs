//! Which service is used, and by whom: flags, then variables of the environment, then files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use etcetera::BaseStrategy;
use reqwest::Url;
use serde::Deserialize;

use crate::failure::Failure;

/// Which service is used
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which service is used")]
pub(crate) struct ServiceArguments {
    /// A profile of ~/.config/access/config.toml
    #[arg(long, value_name = "NAME", env = "ACCESS_PROFILE")]
    profile: Option<String>,
    /// The service, such as <https://access.example.org>
    #[arg(long, value_name = "URL", env = "ACCESS_URL")]
    url: Option<String>,
    /// Use http also to another machine, where others can read the access token on its way
    #[arg(long)]
    insecure_http: bool,
}

/// The file that an operator writes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The profile that is used when none is named.
    default: Option<String>,
    #[serde(default)]
    profile: BTreeMap<String, Profile>,
}

/// A service and how one signs in to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    url: Option<String>,
    token: Option<String>,
    /// Prints an access token; run by `sh`.
    token_command: Option<String>,
}

/// Which service is used, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where the service is, without a path.
    pub(crate) url: Url,
    token: TokenSource,
    folder: PathBuf,
}

/// Where the access token comes from.
#[derive(Clone, Debug)]
enum TokenSource {
    Known(String),
    Command(String),
    None,
}

impl Settings {
    /// Finds out which service is used.
    ///
    /// # Errors
    ///
    /// If none is named, if its URL is of no use, or a file of settings cannot be read or is not safe.
    pub(crate) fn find(arguments: &ServiceArguments) -> Result<Self, Failure> {
        let folder = etcetera::choose_base_strategy()
            .map_err(|error| Failure::Usage(format!("the home folder is not known ({error}); set HOME")))?
            .config_dir()
            .join("access");
        Self::find_in(folder, arguments, std::env::var_os("ACCESS_TOKEN"))
    }

    fn find_in(
        folder: PathBuf,
        arguments: &ServiceArguments,
        token: Option<OsString>,
    ) -> Result<Self, Failure> {
        let config = read_config(&folder.join("config.toml"))?;
        let name = arguments.profile.as_ref().or(config.default.as_ref());
        let profile = match name {
            None => Profile::default(),
            Some(name) => config.profile.get(name).cloned().ok_or_else(|| {
                let path = folder.join("config.toml");
                Failure::Usage(format!(
                    "there is no profile {name:?} in {}; add it, or name another",
                    path.display()
                ))
            })?,
        };
        let of_profile = profile.url.as_deref().map(parse_url).transpose()?;
        let url = match &arguments.url {
            Some(url) => parse_url(url)?,
            None => of_profile.clone().ok_or_else(|| {
                Failure::Usage(
                    "no service is named; name one by --url, ACCESS_URL, or a profile in ~/.config/access/config.toml"
                        .to_owned(),
                )
            })?,
        };
        if url.scheme() == "http" && !is_loopback(&url) && !arguments.insecure_http {
            return Err(Failure::Usage(format!(
                "{url} is http to another machine, where others can read the access token on its way; use https, or allow \
                 it by --insecure-http"
            )));
        }
        // A token goes only to the service that it is for.
        let profile = if of_profile.as_ref() == Some(&url) {
            profile
        } else {
            Profile::default()
        };
        let token = if let Some(token) = token.filter(|token| !token.is_empty()) {
            let token = token.into_string();
            TokenSource::Known(token.map_err(|_| Failure::Usage("ACCESS_TOKEN is not a token".to_owned()))?)
        } else if let Some(command) = profile.token_command {
            TokenSource::Command(command)
        } else if let Some(token) = profile.token {
            TokenSource::Known(token)
        } else {
            let kept = Tokens::read(&folder)?.0.remove(url.as_str());
            kept.map_or(TokenSource::None, TokenSource::Known)
        };
        Ok(Self { url, token, folder })
    }

    /// Returns where the command keeps what it has to remember.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the access token, which a command may have to print first.
    ///
    /// # Errors
    ///
    /// If there is none, or the command fails.
    pub(crate) fn token(&self) -> Result<String, Failure> {
        let token = match &self.token {
            TokenSource::Known(token) => token.clone(),
            TokenSource::Command(command) => printed_by(command)?,
            TokenSource::None => {
                return Err(Failure::Denied(format!(
                    "you are not signed in to {}; sign in by: access sign-in --url {}",
                    self.url, self.url
                )));
            }
        };
        let token = token.trim().to_owned();
        let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then_some(token).ok_or_else(|| {
            Failure::Denied(
                "what is given as the access token is none: it is empty or has blanks in it".to_owned(),
            )
        })
    }

    /// Returns whether another token may come when the present one has ended.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self.token, TokenSource::Command(_))
    }
}

fn printed_by(command: &str) -> Result<String, Failure> {
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(Failure::Denied(format!(
            "the token_command of the profile failed ({}); run it by itself to see why",
            output.status
        ))),
        Err(error) => Err(Failure::Denied(format!(
            "the token_command of the profile cannot be run ({error})"
        ))),
    }
}

fn read_config(path: &Path) -> Result<Config, Failure> {
    let Some(text) = read(path)? else {
        return Ok(Config::default());
    };
    let config: Config = toml::from_str(&text).map_err(|error| {
        Failure::Usage(format!(
            "{} is not understood: {}",
            path.display(),
            error.message()
        ))
    })?;
    if config.profile.values().any(|profile| profile.token.is_some()) {
        expect_private(path)?;
    }
    Ok(config)
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::reading(path, &error)),
    }
}

/// Refuses a file with tokens that others than its owner can read.
fn expect_private(path: &Path) -> Result<(), Failure> {
    let metadata = path.metadata().map_err(|error| Failure::reading(path, &error))?;
    if metadata.permissions().mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    let path = path.display();
    Err(Failure::Usage(format!(
        "others can read {path}, which holds a token; run: chmod 600 {path}"
    )))
}

/// Reads the URL of a service, with or without the path of its API.
fn parse_url(text: &str) -> Result<Url, Failure> {
    let wrong = || {
        Failure::Usage(format!(
            "{text:?} is not the URL of a service; it has to be like https://access.example.org"
        ))
    };
    let mut url = Url::parse(text.trim()).map_err(|_| wrong())?;
    let has_only_host = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() || !has_only_host {
        return Err(wrong());
    }
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/api/v1").unwrap_or(path).to_owned();
    url.set_path(&format!("{path}/"));
    Ok(url)
}

/// Returns whether a URL is one of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The access tokens of those who signed in, by service.
#[derive(Debug, Default)]
pub(crate) struct Tokens(BTreeMap<String, String>);

impl Tokens {
    fn path(folder: &Path) -> PathBuf {
        folder.join("tokens.toml")
    }

    /// Reads the tokens that are kept.
    ///
    /// # Errors
    ///
    /// If they cannot be read, or others can read them.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = Self::path(folder);
        let Some(text) = read(&path)? else {
            return Ok(Self::default());
        };
        expect_private(&path)?;
        let tokens = toml::from_str(&text);
        let failure = |_| {
            Failure::Usage(format!(
                "{} is damaged; delete it and sign in again",
                path.display()
            ))
        };
        tokens.map(Self).map_err(failure)
    }

    /// Keeps a token for a service, or forgets the one there is. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub(crate) fn set(&mut self, folder: &Path, url: &Url, token: Option<String>) -> Result<bool, Failure> {
        let before = match token {
            Some(token) => self.0.insert(url.to_string(), token),
            None => self.0.remove(url.as_str()),
        };
        let text = toml::to_string(&self.0).unwrap_or_default();
        keep_private(&Self::path(folder), text.as_bytes())?;
        Ok(before.is_some())
    }
}

/// Writes a file for its owner only, whole or not at all.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn keep_private(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        fs::create_dir_all(folder)?;
        // Such a file is made with the narrowest rights.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(contents)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error: io::Error| Failure::writing(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(profile: Option<&str>, url: Option<&str>) -> ServiceArguments {
        ServiceArguments {
            profile: profile.map(str::to_owned),
            url: url.map(str::to_owned),
            insecure_http: false,
        }
    }

    /// The URL and the token, or what is wrong.
    fn found(
        folder: &Path,
        arguments: &ServiceArguments,
        token: Option<&str>,
    ) -> Result<(String, String), String> {
        let settings = Settings::find_in(folder.to_owned(), arguments, token.map(OsString::from));
        let settings = settings.map_err(|failure| failure.to_string())?;
        let token = settings.token().map_err(|failure| failure.to_string())?;
        Ok((settings.url.to_string(), token))
    }

    #[test]
    fn a_flag_beats_a_variable_beats_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let config = "default = \"test\"\n[profile.test]\nurl = \"https://test.example.org/api/v1/\"\n\
                      token_command = \"echo of-test\"\n[profile.live]\nurl = \"https://live.example.org\"\n";
        fs::write(folder.join("config.toml"), config).unwrap();
        let live = "https://live.example.org/".parse().unwrap();
        Tokens::default()
            .set(folder, &live, Some("of-live".to_owned()))
            .unwrap();
        let pair = |url: &str, token: &str| Ok((url.to_owned(), token.to_owned()));

        let test = pair("https://test.example.org/", "of-test");
        assert_eq!(found(folder, &arguments(None, None), None), test);
        let live = pair("https://live.example.org/", "of-live");
        assert_eq!(found(folder, &arguments(Some("live"), None), None), live);
        assert_eq!(
            found(folder, &arguments(None, Some("https://live.example.org")), None),
            live
        );
        let given = pair("https://live.example.org/", "given");
        assert_eq!(
            found(folder, &arguments(Some("live"), None), Some("given")),
            given
        );
        // A token goes to no other service.
        let other = found(folder, &arguments(None, Some("https://other.example.org")), None);
        assert!(
            other
                .unwrap_err()
                .contains("not signed in to https://other.example.org/")
        );
        let none = found(folder, &arguments(Some("nobody"), None), None);
        assert!(none.unwrap_err().contains("there is no profile \"nobody\""));
    }

    #[test]
    fn a_url_that_is_no_service_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let fault = |url| found(folder.path(), &arguments(None, url), Some("t")).unwrap_err();
        for url in [
            "access.example.org",
            "ftp://a.example",
            "https://a:b@c.example",
            "https://a.example/?x",
        ] {
            assert!(fault(Some(url)).contains("is not the URL of a service"), "{url}");
        }
        assert!(fault(Some("http://access.example.org")).contains("--insecure-http"));
        assert!(fault(None).contains("no service is named"));
        for url in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"] {
            assert!(
                found(folder.path(), &arguments(None, Some(url)), Some("t")).is_ok(),
                "{url}"
            );
        }
    }

    #[test]
    fn a_file_with_a_token_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "[profile.a]\nurl = \"https://a.example\"\ntoken = \"t\"\n").unwrap();
        let with = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            found(folder.path(), &arguments(Some("a"), None), None)
        };

        assert!(with(0o644).unwrap_err().contains("chmod 600"));
        assert_eq!(with(0o600).unwrap().1, "t");
    }
}

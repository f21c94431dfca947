//! `cargo run`: the whole access service on one machine.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use local::functions::PAGE_FOLDER;
use local::{
    ACCESS_KEY, ADMINISTRATOR, Credentials, Data, Functions, Local, Options, SECRET_KEY, StartError, reason,
};
use shared::http::BASE_PATH;
use tracing_subscriber::EnvFilter;

/// The whole access service on one machine, for development and tests.
#[derive(Parser)]
struct Arguments {
    /// Folder that keeps the data from one start to the next
    #[arg(long, value_name = "DIR", default_value = ".local")]
    data: PathBuf,
    /// Write every change of the table to the disk before it is answered, so that a power cut loses none
    #[arg(long)]
    durable: bool,
    /// Port of the gateway; 0 takes any free one
    #[arg(long, value_name = "N", default_value_t = 8080)]
    port: u16,
    /// Run the built Lambda binaries in this folder, each its own process
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// Serve the page from the files in this folder, read again at each request
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
    /// When ready, write URL, token and endpoints to this file, as JSON
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// A parameter of template.yaml
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = assignment)]
    parameters: Vec<(String, String)>,
    /// An environment variable for the functions
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = assignment)]
    environment: Vec<(String, String)>,
    /// Use this DynamoDB instead of the embedded one
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_DYNAMODB")]
    dynamodb: Option<String>,
    /// Use this S3 instead of the embedded one
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_S3")]
    s3: Option<String>,
    /// Start an OpenID Connect issuer as well, which signs in whoever asks
    #[cfg(feature = "dev-issuer")]
    #[arg(long)]
    issuer: bool,
    #[command(flatten)]
    keys: Keys,
}

/// Only for stores other than the embedded ones
#[derive(clap::Args)]
struct Keys {
    #[arg(long, hide = true, env = "AWS_ACCESS_KEY_ID", hide_env_values = true)]
    access_key_id: Option<String>,
    #[arg(long, hide = true, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    secret_access_key: Option<String>,
    #[arg(long, hide = true, env = "AWS_SESSION_TOKEN", hide_env_values = true)]
    session_token: Option<String>,
    #[arg(long, hide = true, env = "AWS_REGION")]
    region: Option<String>,
}

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    limit_heaps();
    run()
}

/// Starts this program anew with two heaps, unless the environment names a number: the C library reads it at the start only.
///
/// Each heap keeps what its threads have freed, and the C library makes up to eight for each processor: after an hour of
/// load, they keep several times what is in use.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn limit_heaps() {
    use std::env;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    const NUMBER_OF_HEAPS: &str = "MALLOC_ARENA_MAX";

    if env::var_os(NUMBER_OF_HEAPS).is_some() {
        return;
    }
    let mut arguments = env::args_os();
    if let (Some(name), Ok(program)) = (arguments.next(), env::current_exe()) {
        let mut anew = Command::new(program);
        anew.arg0(name).args(arguments).env(NUMBER_OF_HEAPS, "2");
        // Returns only where it fails. More heaps only take more memory.
        let _ = anew.exec();
    }
}

#[tokio::main]
async fn run() -> ExitCode {
    // The embedded database warns of every call that it refuses, also of making a table that is there already.
    let default = || EnvFilter::new("warn,dynoxide=error,local=info");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| default());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // To report that a line cannot be written would panic where standard error is full or closed, in the middle
        // of a request.
        .log_internal_errors(false)
        .init();
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where this cannot be written either, the exit code still says it.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts the service and waits until it is asked to stop.
async fn serve(arguments: Arguments) -> Result<(), StartError> {
    let ready_file = arguments.ready_file.clone();

    #[cfg(feature = "dev-issuer")]
    let issuer = if arguments.issuer {
        let issuer = local::Issuer::start(0).await;
        Some(issuer.map_err(|error| StartError::new(format!("the issuer cannot be started ({error})")))?)
    } else {
        None
    };
    #[cfg_attr(
        not(feature = "dev-issuer"),
        expect(unused_mut, reason = "only the issuer changes it")
    )]
    let mut options = Options::from(arguments);
    #[cfg(feature = "dev-issuer")]
    options
        .environment
        .extend(issuer.iter().flat_map(local::Issuer::environment));
    let local = Local::start(options).await?;
    print(&greeting(&local.url(), local.admin_token()))?;
    #[cfg(feature = "dev-issuer")]
    if let Some(issuer) = &issuer {
        print(&format!("\n{}", signing_in(&local.url(), &issuer.url())))?;
    }
    if let Some(path) = &ready_file {
        local
            .write_ready_file(path)
            .map_err(|error| ready_file_error(path, &error))?;
    }
    let asked = asked_to_stop().await;
    if let Some(path) = &ready_file {
        // Its token and ports are of no more use.
        let _ = std::fs::remove_file(path);
    }
    local.stop().await;
    asked.map_err(|error| StartError::new(format!("signals cannot be received ({})", reason(&error))))
}

fn ready_file_error(path: &Path, error: &io::Error) -> StartError {
    StartError::new(format!(
        "the ready file {} cannot be written ({}); choose another path by --ready-file",
        path.display(),
        reason(error)
    ))
}

/// Writes `text` and a line break to standard output.
fn print(text: &str) -> Result<(), StartError> {
    writeln!(io::stdout(), "{text}").map_err(|error| {
        StartError::new(format!(
            "standard output, which gets the administrator's token, cannot be written ({}); send it elsewhere",
            reason(&error)
        ))
    })
}

impl From<Arguments> for Options {
    fn from(arguments: Arguments) -> Self {
        let Arguments {
            data,
            durable,
            port,
            functions,
            page,
            ready_file: _,
            parameters,
            mut environment,
            dynamodb,
            s3,
            #[cfg(feature = "dev-issuer")]
                issuer: _,
            keys,
        } = arguments;
        if let Some(folder) = page {
            environment.push((PAGE_FOLDER.to_owned(), folder.to_string_lossy().into_owned()));
        }
        let credentials = if dynamodb.is_some() || s3.is_some() {
            let embedded = Credentials::default();
            Credentials {
                access_key: keys.access_key_id.unwrap_or_else(|| ACCESS_KEY.to_owned()),
                secret_key: keys.secret_access_key.unwrap_or_else(|| SECRET_KEY.to_owned()),
                session_token: keys.session_token,
                region: keys.region.unwrap_or(embedded.region),
            }
        } else {
            // A developer's real keys have no business here.
            Credentials::default()
        };
        Self {
            data: Data::Dir(data),
            durable,
            port,
            functions: functions.map_or(Functions::InProcess, Functions::Processes),
            parameters: parameters.into_iter().collect(),
            environment: environment.into_iter().collect(),
            dynamodb_endpoint: dynamodb,
            s3_endpoint: s3,
            credentials,
            ..Self::default()
        }
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "expected NAME=VALUE".to_owned())
}

fn greeting(url: &str, token: &str) -> String {
    format!(
        "Open the page, signed in as {ADMINISTRATOR}:

    {url}/#token={token}

The access service answers on {url}. Token of the administrator:

    {token}

Who am I, who is there, and an import:

    curl -H 'Authorization: Bearer {token}' {url}{BASE_PATH}/users/me
    curl -H 'Authorization: Bearer {token}' {url}{BASE_PATH}/users
    printf 'email,firstName,lastName\\nada@example.org,Ada,Lovelace\\n' | \\
        curl -H 'Authorization: Bearer {token}' -F 'file=@-;filename=users.csv' {url}{BASE_PATH}/users/import

Stop with Ctrl-C."
    )
}

#[cfg(feature = "dev-issuer")]
fn signing_in(url: &str, issuer: &str) -> String {
    format!(
        "The issuer {issuer} asks for no password. Sign in on the page, or with a request that names the address of an account:

    curl -d email=ada@example.org {issuer}/token
    curl -H 'Authorization: Bearer ...' {url}{BASE_PATH}/users/me"
    )
}

#[cfg(unix)]
async fn asked_to_stop() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

//! What the command can be asked for.

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::output::{Color, Output};
use crate::service::ServiceArguments;
use crate::{check, events, import, imports, runtime, session, users};

/// Checks files of people as the Access Service would, and uses the service.
///
/// Exit codes: 0 all good; 1 rows have errors; 2 used wrongly, or a file cannot be read or written; 3 the file is refused
/// as a whole; 4 not signed in, or not allowed; 5 the service is out of reach or cannot answer, try again later; 130
/// interrupted; 141 nobody reads the output any more.
#[derive(Debug, Parser)]
#[command(name = "access", version, verbatim_doc_comment, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// When to use colours
    #[arg(long, value_enum, global = true, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find what is wrong in a file, without the service or with it
    Check(Box<check::Arguments>),
    /// Check files, send them, and follow their imports to the end
    Import(Box<import::Arguments>),
    /// Look at imports and what they changed, follow, cancel, resume and undo them, fetch their rejected rows
    Imports(imports::Arguments),
    /// Look at users, add, change and delete them
    Users(users::Arguments),
    /// Show whose the access token is
    Whoami(session::WhoamiArguments),
    /// Keep an access token for a service
    SignIn(session::SignInArguments),
    /// End the access token and forget it
    SignOut(ServiceArguments),
    /// Write the JSON Schema of the events that --format json and --json write
    Schema,
    /// Write completions for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

impl Arguments {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// If it cannot be done, or rows are at fault.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Check(arguments) => check::run(&arguments, self.color),
            Command::Import(arguments) => runtime()?.block_on(import::run(&arguments)),
            Command::Imports(arguments) => runtime()?.block_on(imports::run(&arguments)),
            Command::Users(arguments) => runtime()?.block_on(users::run(&arguments)),
            Command::Whoami(arguments) => runtime()?.block_on(session::whoami(&arguments)),
            Command::SignIn(arguments) => runtime()?.block_on(session::sign_in(&arguments)),
            Command::SignOut(arguments) => runtime()?.block_on(session::sign_out(&arguments)),
            Command::Schema => write(format!("{:#}\n", events::schema()).as_bytes()),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "access", &mut script);
                write(&script)
            }
        }
    }
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = Output::open();
    out.write(bytes)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_contradict_each_other_nowhere() {
        Arguments::command().debug_assert();
    }
}

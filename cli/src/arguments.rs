//! What the command can be asked for.

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::check;
use crate::events;
use crate::failure::Failure;
use crate::output::{Color, Output};

/// Checks files of people as the Access Service would, and uses the service.
///
/// Exit codes: 0 all good; 1 rows have errors; 2 used wrongly, or a file cannot be read or written; 3 the file is refused
/// as a whole; 141 nobody reads the output any more.
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
    /// Find what is wrong in a file, without the service
    Check(Box<check::Arguments>),
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

//! The command `access`: checks files of people without the service, and uses the service without `curl`.
//!
//! `arguments` has the commands and their options. `check` reads a file through `source`, finds its errors with `pass`,
//! a loop around the rules in `sheet` and `roster`, and shows them with `report`. `import` does the same before it sends
//! the file and follows its import. `service` knows the service's URL and who is signed in. Whatever ends the command
//! early is a [`Failure`], which has its exit code.

mod arguments;
mod check;
mod events;
mod failure;
mod fix;
mod import;
mod imports;
mod interrupts;
mod online;
mod output;
mod pass;
mod reading;
mod rejected;
mod report;
mod service;
mod session;
mod source;
mod users;
mod workbook;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use arguments::Arguments;
use failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let color = arguments.color;
    match interrupts::end_the_command().and_then(|()| arguments.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.is_told() {
                output::complain(&failure, color);
            }
            failure.code()
        }
    }
}

/// Makes what waits for the service.
///
/// # Errors
///
/// If the system gives no more files.
fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::Usage(format!("the network cannot be used ({error})")))
}

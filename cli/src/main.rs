//! The command `access`: checks files of people without the service, and uses the service without `curl`.
//!
//! `arguments` says what there is to ask for. `check` reads a file through `source`, finds its errors by `pass`, which
//! is a loop around the rules in `sheet` and `roster`, and shows them by `report`. Whatever ends the command early is a
//! [`Failure`](failure::Failure), which has its exit code.

mod arguments;
mod check;
mod events;
mod failure;
mod fix;
mod output;
mod pass;
mod reading;
mod rejected;
mod report;
mod source;
mod workbook;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let color = arguments.color;
    match arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.is_told() {
                output::complain(&failure, color);
            }
            failure.code()
        }
    }
}

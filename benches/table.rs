//! `cargo bench -p benches`: what the service costs, as one table of ratios.
//!
//! Each figure stands beside the least that it could be, taken in the same run: bare calls of the SDK, the
//! `csv` crate alone, a function that does nothing. `-- --help` tells how to take more of each.

mod cold_start;
mod import;
mod requests;

use std::path::PathBuf;

use benches::{HEADER, Row};
use clap::Parser;
use shared::BoxError;

/// What the service costs beside the least that it could cost
#[derive(Parser)]
struct Arguments {
    /// Rows of each imported file
    #[arg(long, default_value_t = 10_000)]
    rows: u32,
    /// Rounds of imports; of each, the middle one counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Users in the table while users are read
    #[arg(long, default_value_t = 10_000)]
    users: u32,
    /// Times that each function is started
    #[arg(long, default_value_t = 20)]
    starts: usize,
    /// Start the functions in this folder, as `scripts/build` leaves them, instead of building them
    #[arg(long, value_name = "DIR", requires = "bare")]
    functions: Option<PathBuf>,
    /// The bare function that was built as they were
    #[arg(long, value_name = "FILE", requires = "functions")]
    bare: Option<PathBuf>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one part of the table came to: its rows, and in words what has no floor.
type Measured = (Vec<Row>, Vec<String>);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let Arguments {
        rows,
        rounds,
        users,
        starts,
        functions,
        bare,
        bench: _,
    } = Arguments::parse();
    let (functions, bare) = if let (Some(functions), Some(bare)) = (functions, bare) {
        (functions, bare)
    } else {
        let built = benches::build()?;
        let bare = built.join("bare");
        (built, bare)
    };

    let parts: [Measured; 3] = [
        Box::pin(import::measure(rows, rounds)).await?,
        Box::pin(requests::measure(users)).await?,
        Box::pin(cold_start::measure(&functions, &bare, starts)).await?,
    ];
    println!("{HEADER}");
    for row in parts.iter().flat_map(|(rows, _)| rows) {
        println!("{row}");
    }
    println!();
    for line in parts.iter().flat_map(|(_, lines)| lines) {
        println!("- {line}");
    }
    Ok(())
}

//! What it costs to change accounts by a file, beside creating them, and to take that back.
//!
//! `cargo bench -p benches --bench upsert [-- ROWS]`. Each line has the middle of some rounds.

use std::time::Duration;

use benches::median;
use benches::world::{World, file};
use clap::Parser;
use shared::BoxError;
use shared::intake::record::Import;
use shared::sheet::{Act, ImportOptions, Missing, MissingLimit, Mode};

/// What it costs to change accounts by a file, and to take that back
#[derive(Parser)]
struct Arguments {
    /// Rows of the file
    #[arg(default_value_t = 100_000)]
    rows: u32,
    /// Rounds; of each figure, the middle one counts
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was measured, in rows or accounts a second and write units for each.
struct Measured {
    what: &'static str,
    rate: f64,
    units: f64,
}

/// The steps of a round: what each is called, and what its rate should be beside that of creating at least.
const STEPS: [(&str, Option<f64>); 7] = [
    ("creating accounts", None),
    ("upsert, nothing changes", Some(1.0)),
    ("upsert, every row changes", Some(0.5)),
    ("roster that disables half of them", None),
    ("its undo", None),
    ("undo of the changes", None),
    ("undo of the creation", None),
];

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let Arguments { rows, rounds, .. } = Arguments::parse();
    let mut measured = Vec::new();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        measured.push(Box::pin(round_of(rows)).await?);
    }
    let of = |step: usize, figure: fn(&Measured) -> f64| {
        median(
            &measured
                .iter()
                .map(|round| figure(&round[step]))
                .collect::<Vec<_>>(),
        )
    };
    let created = of(0, |step| step.rate);
    println!("| {rows} rows | accounts/s | beside creating | aim | write units for each |");
    println!("|---|---|---|---|---|");
    for (step, (what, aim)) in STEPS.iter().enumerate() {
        assert!(measured.iter().all(|round| round[step].what == *what));
        let (rate, units) = (of(step, |step| step.rate), of(step, |step| step.units));
        let aim = aim.map(|aim| format!("≥ {aim}")).unwrap_or_default();
        println!(
            "| {what} | {rate:.0} | {:.2} | {aim} | {units:.3} |",
            rate / created
        );
    }
    Ok(())
}

/// Goes through all steps with a service of its own.
async fn round_of(rows: u32) -> Result<Vec<Measured>, BoxError> {
    let world = World::start().await?;
    let _ = world.meter.take();
    let upsert = ImportOptions {
        mode: Mode::Upsert,
        ..ImportOptions::default()
    };
    let roster = ImportOptions {
        missing: Missing::Disable,
        missing_limit: MissingLimit::try_from(100)?,
        ..upsert.clone()
    };
    let undo = ImportOptions {
        act: Act::Undo,
        ..ImportOptions::default()
    };
    let (people, half) = (file(0..rows, "u", "Last", |_| false), rows / 2);
    let renamed = file(0..rows, "u", "New", |_| false);
    let some = file(0..half, "u", "New", |_| false);
    let mut measured = Vec::new();
    let mut add = |(import, took): (Import, Duration), accounts: u32| {
        let (_, units) = world.meter.take();
        let (what, _) = STEPS[measured.len()];
        eprintln!("  {what}: {took:.1?}, {:?}", import.counts);
        measured.push(Measured {
            what,
            rate: f64::from(accounts) / took.as_secs_f64(),
            units: units / f64::from(accounts),
        });
        import
    };

    let created = add(world.import(&people, ImportOptions::default()).await?, rows);
    add(world.import(&people, upsert.clone()).await?, rows);
    let changed = add(world.import(&renamed, upsert).await?, rows);
    let disabled = add(world.import(&some, roster).await?, rows - half);
    add(world.follow(&disabled, undo.clone()).await?, rows - half);
    add(world.follow(&changed, undo.clone()).await?, rows);
    add(world.follow(&created, undo).await?, rows);
    world.local.stop().await;
    Ok(measured)
}

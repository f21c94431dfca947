//! The import beside its floors: a bare loop that writes the same items by the same SDK to the same
//! storage with no CSV at all, and the `csv` crate reading the same file with no storage at all.

mod bare;

use std::time::{Duration, Instant};

use benches::world::{World, file};
use benches::{Row, Unit, cpu_seconds, median, peak_memory};
use shared::BoxError;
use shared::sheet::ImportOptions;

use crate::Measured;

/// What each round came to, in rows a second where nothing else is said.
#[derive(Default)]
struct Figures {
    bare: Vec<f64>,
    clean: Vec<f64>,
    dirty: Vec<f64>,
    existing: Vec<f64>,
    bad: Vec<f64>,
    reading: Vec<f64>,
    /// Processor seconds for 10,000 rows.
    cpu: Vec<f64>,
    /// Write units of a user in the bare loop.
    units: Vec<f64>,
    /// Calls to the table for a row of the clean file.
    calls: Vec<f64>,
}

/// The floor of reading.
const READING: &str = "the `csv` crate alone reading it";

/// Imports files of `rows` rows. Each round has every contestant in turn.
pub(crate) async fn measure(rows: u32, rounds: usize) -> Result<Measured, BoxError> {
    let mut figures = Figures::default();
    for round in 1..=rounds {
        eprintln!("import, round {round} of {rounds}");
        Box::pin(figures.add_round(rows)).await?;
    }
    let Figures {
        bare,
        clean,
        dirty,
        existing,
        bad,
        reading,
        cpu,
        units,
        calls,
    } = figures;
    let loops = "a loop of bare SDK calls that write the same items";
    let cleanly = "the clean file";
    let table = [
        ("import of a clean file", &clean, loops, &bare, Some(0.8)),
        ("the same", &clean, READING, &reading, None),
        ("import with 1 row in 10 bad", &dirty, cleanly, &clean, Some(0.85)),
        ("import, all users exist", &existing, cleanly, &clean, Some(0.6)),
        ("import, all rows bad", &bad, cleanly, &clean, Some(1.0)),
    ];
    let table = table.map(|(what, rates, beside, floor, aim)| Row {
        what: what.to_owned(),
        figure: median(rates),
        beside,
        floor: median(floor),
        unit: Unit::Rate,
        aim,
    });
    let lines = vec![
        format!("import: the middle of {rounds} rounds of {rows} rows, storage and service in one process"),
        format!(
            "write units of a user in the bare loop, as storage tells them: {:.3}",
            median(&units)
        ),
        format!(
            "calls to the table for a row of the clean file: {:.4}",
            median(&calls)
        ),
        format!(
            "processor seconds for 10,000 clean rows, storage included: {:.2}",
            median(&cpu)
        ),
        format!(
            "peak memory of the process, storage included: {:.0} MiB",
            peak_memory("self")
        ),
    ];
    Ok((table.into(), lines))
}

impl Figures {
    async fn add_round(&mut self, rows: u32) -> Result<(), BoxError> {
        let clean = file(0..rows, "clean", "Last", |_| false);
        let dirty = file(0..rows, "dirty", "Last", |row| row % 10 == 0);
        let bad = file(0..rows, "bad", "Last", |_| true);
        let count = f64::from(rows);
        let rate = |took: Duration| count / took.as_secs_f64();
        let world = World::start().await?;
        let import = async |file: &str| {
            let (import, took) = world.import(file, ImportOptions::default()).await?;
            assert_eq!(import.counts.rows(), u64::from(rows));
            Ok::<_, BoxError>(took)
        };

        let (took, used) = bare::write(&world.local, rows).await?;
        self.bare.push(rate(took));
        self.units.push(used / count);

        let before = cpu_seconds("self");
        let _ = world.meter.take();
        self.clean.push(rate(import(&clean).await?));
        self.calls.push(world.meter.take().0 / count);
        self.cpu.push((cpu_seconds("self") - before) * 10_000.0 / count);

        self.dirty.push(rate(import(&dirty).await?));
        self.existing.push(rate(import(&clean).await?));
        self.bad.push(rate(import(&bad).await?));

        let started = Instant::now();
        let cells: usize = csv::Reader::from_reader(clean.as_bytes())
            .byte_records()
            .map(|record| record.map_or(0, |record| record.len()))
            .sum();
        self.reading.push(rate(started.elapsed()));
        assert_eq!(cells, rows as usize * 5);
        world.local.stop().await;
        Ok(())
    }
}

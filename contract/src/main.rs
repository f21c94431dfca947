//! Writes `openapi.json`.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.json");
    fs::write(path, contract::text()?)
}

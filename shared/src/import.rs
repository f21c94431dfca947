//! Reads the file of an import: bytes go in as they arrive, rows of members come out.

pub mod escape;

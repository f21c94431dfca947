//! The tests are in the binary `it`; a package must have a target besides.

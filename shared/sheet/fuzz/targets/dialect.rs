//! Any beginning of a file has a layout that lies in it, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sheet::{FileLayout, Header};
use sheet_fuzz::Said;

fuzz_target!(|input: (Said, &[u8])| {
    let (said, head) = input;
    let wishes = said.wishes();
    let found = FileLayout::find(head, wishes);
    match FileLayout::look(head, wishes) {
        Ok((layout, None)) => {
            assert!(layout.start.offset <= head.len() as u64);
            assert!(layout.skipped_lines.is_sorted());
            assert!(layout.skipped_lines.iter().all(|line| *line < layout.start.line));
            assert_eq!(layout.header == Header::Absent, said.absent().is_some());
            assert_eq!(found, Ok(layout));
        }
        Ok((_, Some(fault))) | Err(fault) => assert_eq!(found, Err(fault)),
    }
});

//! Workbooks (.xlsx), read as the CSV of one sheet.
//!
//! Nothing is decided here about what a cell means: the rules of files do that, as for any other file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use calamine::{Data, Range, Reader, Xlsx, XlsxError};

use crate::failure::Failure;
use crate::output;

/// The largest workbook that is read: it unfolds to a multiple of that in memory.
const LARGEST: u64 = 64 << 20;

/// What the column is called that has the number of each row in its sheet. The service leaves it out.
const ROW_COLUMN: &str = "_sheetRow";

/// Writes `sheet` of the workbook at `path`, or its first sheet, to a file without a name.
///
/// Each row of the sheet begins on the line of its number, as long as no cell above has a line break.
///
/// # Errors
///
/// If it cannot be read as a workbook, or has no such sheet.
pub(crate) fn to_csv(path: &Path, file: File, sheet: Option<&str>) -> Result<File, Failure> {
    let refused = |why: String| {
        Failure::Refused(format!(
            "{} cannot be read as a workbook: {why}. Save it as \"CSV UTF-8\" in a spreadsheet and send that",
            path.display()
        ))
    };
    let metadata = file.metadata().map_err(|error| Failure::reading(path, &error))?;
    if metadata.len() > LARGEST {
        return Err(refused(format!("it has more than {} MiB", LARGEST >> 20)));
    }
    let mut book = Xlsx::new(BufReader::new(file)).map_err(|error| {
        refused(match error {
            XlsxError::Password => "it is protected by a password".to_owned(),
            error => error.to_string(),
        })
    })?;
    let names = book.sheet_names();
    let name = match sheet {
        None => names.first().cloned(),
        Some(sheet) => names.iter().find(|name| *name == sheet).cloned(),
    };
    let Some(name) = name else {
        let known: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
        return Err(Failure::Usage(format!(
            "{} has no sheet {:?}; its sheets are {}",
            path.display(),
            sheet.unwrap_or_default(),
            known.join(", ")
        )));
    };
    if sheet.is_none() && names.len() > 1 {
        output::remark(&format!(
            "{}: only the first of {} sheets is read, {name:?}; name another by --sheet",
            path.display(),
            names.len()
        ));
    }
    let range = book
        .worksheet_range(&name)
        .map_err(|error| refused(error.to_string()))?;
    write(&range).map_err(|error| Failure::writing(&std::env::temp_dir(), &error))
}

fn write(range: &Range<Data>) -> std::io::Result<File> {
    let mut out = BufWriter::new(tempfile::tempfile()?);
    let (top, left) = range.start().unwrap_or_default();
    for _ in 0..top {
        out.write_all(b"\r\n")?;
    }
    let mut is_first = true;
    for (number, row) in (u64::from(top) + 1..).zip(range.rows()) {
        let cells: Vec<_> = row.iter().map(text).collect();
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            out.write_all(b"\r\n")?;
            continue;
        }
        for _ in 0..left {
            out.write_all(b",")?;
        }
        for cell in &cells {
            write!(out, "{},", quoted(cell))?;
        }
        if std::mem::take(&mut is_first) {
            write!(out, "{ROW_COLUMN}\r\n")?;
        } else {
            write!(out, "{number}\r\n")?;
        }
    }
    let mut file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// The text of a cell.
fn text(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Bool(flag) => flag.to_string(),
        Data::Int(number) => number.to_string(),
        // A telephone number in a cell of numbers, without an exponent.
        Data::Float(number) => number.to_string(),
        Data::Error(error) => error.to_string(),
        Data::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) {
                date
            } else {
                format!("{date}T{hour:02}:{minute:02}:{second:02}")
            }
        }
        Data::DateTime(time) => time.as_f64().to_string(),
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) || cell != cell.trim() {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use calamine::Cell;

    use super::*;

    #[test]
    fn a_row_of_a_sheet_is_a_line_of_csv() {
        let cell = |row, column, data| Cell::new((row, column), data);
        let text = |text: &str| Data::String(text.to_owned());
        let range = Range::from_sparse(vec![
            cell(1, 1, text("email")),
            cell(1, 2, text("mobileNumber")),
            cell(1, 3, text("enabled")),
            cell(3, 1, text("ada@example.org")),
            cell(3, 2, Data::Float(442_079_460_018.0)),
            cell(3, 3, Data::Bool(true)),
            cell(4, 1, text("a, \"b\"")),
        ]);

        let mut csv = String::new();
        write(&range).unwrap().read_to_string(&mut csv).unwrap();

        assert_eq!(
            csv,
            "\r\n,email,mobileNumber,enabled,_sheetRow\r\n\r\n\
             ,ada@example.org,442079460018,true,4\r\n,\"a, \"\"b\"\"\",,,5\r\n"
        );
    }
}

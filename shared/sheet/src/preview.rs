//! How a file would be read, as far as its first bytes show it.

use std::sync::Arc;

use roster::{ImportId, Member, Roles, Timestamp, Violation};

use super::blank::is_blank;
use super::cell::CellRules;
use super::columns::{mapped, meanings};
use super::encoding::readable;
use super::{
    Cells, Check, Columns, Content, Dialect, EncodingSample, FileFault, FileLayout, Format, Header,
    ImportOptions, Row, RowError, Rows, Understood, UnknownColumns, labels, samples,
};

/// How many rows are shown: a screen full.
const ROWS: usize = 20;

/// How many columns are shown: as many as `columns` may name.
const COLUMNS: usize = 1000;

/// How many values of a column are shown.
const VALUES: usize = 5;

/// How many faults of a row are shown.
const FAULTS: usize = 20;

/// How a file would be read.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// How it is laid out; none if it is not CSV.
    pub layout: Option<FileLayout>,
    /// What its columns mean; none if that is a problem.
    pub columns: Option<Columns>,
    /// The encodings that it may be in, the likeliest first.
    pub encodings: Vec<EncodingSample>,
    /// Its columns in order, at most 1,000.
    pub shown: Vec<ColumnPreview>,
    /// Its first rows.
    pub rows: Vec<RowPreview>,
    /// Why it would be refused as a whole.
    pub problems: Vec<String>,
}

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPreview {
    /// Its place, from 1.
    pub position: usize,
    /// Its header cell; none in a file without a header.
    pub header: Option<String>,
    /// What it means, and how that was found out.
    pub meaning: Option<(Member, Understood)>,
    /// What it was perhaps meant to be.
    pub nearest: Option<Member>,
    /// Its first values that are not empty.
    pub values: Vec<String>,
}

/// A row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPreview {
    /// The line on which it begins.
    pub line: u64,
    /// Its number, from 1.
    pub row: u64,
    /// Its cells, of those columns that are shown.
    pub cells: Vec<String>,
    /// What is wrong or odd in it, at most 20 of each row.
    pub faults: Vec<RowError>,
}

impl Preview {
    /// How many first bytes of a file a preview takes.
    pub const MAX: usize = FileLayout::HEAD;

    /// Reads the first bytes of a file as an import with these options would. A file of [`Preview::MAX`] bytes is
    /// taken for cut, so a row that does not end in it is not shown.
    ///
    /// ```
    /// # use roster::Roles;
    /// # use sheet::{ImportOptions, Preview};
    /// let preview = Preview::of(b"email\nada@example.org\n", &ImportOptions::default(), Roles::ALL);
    ///
    /// assert_eq!(preview.shown[0].header.as_deref(), Some("email"));
    /// assert_eq!(preview.rows[0].cells, ["ada@example.org"]);
    /// ```
    #[must_use]
    pub fn of(head: &[u8], options: &ImportOptions, assignable: Roles) -> Self {
        let mut preview = Self::default();
        if Format::of_bytes(head).is_none() {
            preview.encodings = samples(head, options.encoding);
        }
        let layout = match FileLayout::look(head, options.wishes()) {
            Ok((layout, fault)) => {
                preview.problems.extend(fault.map(|fault| fault.to_string()));
                layout
            }
            Err(fault) => {
                preview.problems.push(fault.to_string());
                return preview;
            }
        };
        let mut rows = layout.rows();
        let start = usize::try_from(layout.start.offset).unwrap_or(usize::MAX);
        rows.feed(head.get(start..).unwrap_or_default());
        let is_cut = head.len() >= Self::MAX;
        if !is_cut {
            rows.finish();
        }
        preview.read_columns(&mut rows, &layout, options);
        let rules = CellRules {
            assignable,
            country: options.country,
        };
        preview.read_rows(&mut rows, layout.dialect, options.default_roles, rules);
        preview.layout = Some(layout);
        preview
    }

    /// Finds out what the columns mean, also of a file that would be refused for them.
    fn read_columns(&mut self, rows: &mut Rows, layout: &FileLayout, options: &ImportOptions) {
        let columns = match layout.header {
            Header::Present => match rows.next_row() {
                Some(row) => self.read_header(row, layout.dialect, options),
                None => Err(FileFault::Empty),
            },
            // That nothing says what they mean is a problem already.
            Header::Absent if !self.problems.is_empty() => return,
            Header::Absent => Columns::by_position(options.members()),
            Header::Addresses => Columns::by_position(&[Some(Member::Email)]),
        };
        let columns = match columns {
            Ok(columns) => columns,
            Err(fault) => return self.problems.push(fault.in_dialect(layout.dialect).to_string()),
        };
        if layout.header != Header::Present {
            let meanings = (0..columns.header().len().min(COLUMNS)).map(|index| columns.meaning(index));
            let shown = meanings.enumerate().map(|(index, member)| ColumnPreview {
                meaning: member.map(|member| (member, Understood::Mapping)),
                ..unnamed(index)
            });
            self.shown = shown.collect();
        }
        self.columns = Some(columns);
    }

    fn read_header(
        &mut self,
        row: Row<'_>,
        dialect: Dialect,
        options: &ImportOptions,
    ) -> Result<Columns, FileFault> {
        let mapping = options.columns.as_ref();
        if let Content::Cells(cells) = row.content {
            let names = (0..cells.count()).map(|index| readable_cell(cells, index, dialect));
            let names: Vec<String> = names.collect();
            // What the mapping has wrong is found by reading the columns.
            let mapped = mapped(&names, mapping).unwrap_or_default();
            let meanings = meanings(&names, &mapped);
            let shown = names.iter().zip(meanings).take(COLUMNS).enumerate();
            self.shown = shown
                .map(|(index, (name, meaning))| ColumnPreview {
                    header: Some(Violation::shown(name).to_owned()),
                    nearest: labels::nearest(name).filter(|_| meaning.is_none()),
                    meaning,
                    ..unnamed(index)
                })
                .collect();
        }
        let lenient = Columns::read(Some(row), UnknownColumns::Ignore, mapping);
        match Columns::read(Some(row), options.unknown_columns, mapping) {
            Err(fault) if lenient.is_ok() => {
                self.problems.push(fault.in_dialect(dialect).to_string());
                lenient
            }
            columns => columns,
        }
    }

    fn read_rows(&mut self, rows: &mut Rows, dialect: Dialect, default_roles: Roles, rules: CellRules) {
        let check = self.columns.clone().map(|columns| Check {
            surplus: columns.surplus(),
            columns: Arc::new(columns),
            dialect,
            rules,
            default_roles,
            // Nobody is made of what is checked here.
            import: ImportId::of_object("", "", ""),
            now: Timestamp::MAX,
        });
        while let Some(row) = rows.next_row() {
            if self.rows.len() < ROWS {
                let faults = check
                    .as_ref()
                    .map_or_else(Vec::new, |check| match check.check(&row) {
                        Ok(sound) => sound.warnings,
                        Err(faults) => faults,
                    });
                self.rows.push(RowPreview {
                    line: row.line,
                    row: row.row,
                    cells: texts(&row, dialect),
                    faults: faults.into_iter().take(FAULTS).collect(),
                });
            }
            let Content::Cells(cells) = row.content else {
                continue;
            };
            while self.shown.len() < cells.count().min(COLUMNS) && self.columns.is_none() {
                self.shown.push(unnamed(self.shown.len()));
            }
            let mut open = self.rows.len() < ROWS;
            for (index, column) in self.shown.iter_mut().enumerate() {
                if column.values.len() < VALUES {
                    open = true;
                    if !cells.is_blank(index) {
                        column.values.push(text(cells, index, dialect));
                    }
                }
            }
            if !open {
                return;
            }
        }
    }
}

fn unnamed(index: usize) -> ColumnPreview {
    ColumnPreview {
        position: index + 1,
        header: None,
        meaning: None,
        nearest: None,
        values: Vec::new(),
    }
}

fn texts(row: &Row<'_>, dialect: Dialect) -> Vec<String> {
    match row.content {
        Content::Cells(cells) => (0..cells.count().min(COLUMNS))
            .map(|index| text(cells, index, dialect))
            .collect(),
        Content::TooLarge | Content::UnclosedQuote { .. } => Vec::new(),
    }
}

/// The beginning of a cell.
fn text(cells: Cells<'_>, index: usize, dialect: Dialect) -> String {
    Violation::shown(&readable_cell(cells, index, dialect)).to_owned()
}

fn readable_cell(cells: Cells<'_>, index: usize, dialect: Dialect) -> String {
    let bytes = cells.bytes(index).unwrap_or_default();
    let text = readable(bytes, dialect.likely().encoding);
    text.trim_matches(is_blank).to_owned()
}

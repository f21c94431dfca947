//! What only the service knows of a row: whether an account has its address, and whether the caller may change that.

use clap::Args;
use reqwest::Method;
use roster::{Code, Member, Violation};
use serde_json::{Map, Value, json};
use sheet::{Columns, OwnedCells, RowError};
use tokio::runtime::Runtime;

use crate::failure::Failure;
use crate::pass::Found;
use crate::reading::Reading;
use crate::service::{Client, Patience, ServiceArguments, Settings};

/// How many rows are asked about at once, and how many bytes of cells.
const ROWS: usize = 500;
const BYTES: usize = 400 * 1024;

/// What is asked of the service
#[derive(Args, Clone, Debug)]
pub(crate) struct OnlineArguments {
    /// Ask the service what it would make of the good rows; stores nothing
    #[arg(long)]
    online: bool,
    /// Change the accounts that exist, instead of taking them for errors
    #[arg(long, requires = "online")]
    upsert: bool,
    /// Skip the addresses of accounts that exist, instead of taking them for errors
    #[arg(long, requires = "online", conflicts_with = "upsert")]
    ignore_duplicates: bool,
    #[command(flatten)]
    service: ServiceArguments,
}

/// The service, which is asked about rows.
pub(crate) struct Online {
    runtime: Runtime,
    client: Client,
    /// The options of an import, and what each column means.
    body: Map<String, Value>,
    takes_existing: bool,
    waiting: Vec<Found>,
    waiting_bytes: usize,
    /// What the file calls the column of a member.
    columns: Columns,
}

impl OnlineArguments {
    /// Begins to ask about rows of a file with these columns, if that is wanted.
    ///
    /// # Errors
    ///
    /// If no service is named, or nobody is signed in.
    pub(crate) fn begin(&self, reading: &Reading, columns: &Columns) -> Result<Option<Online>, Failure> {
        if !self.online {
            return Ok(None);
        }
        let runtime = crate::runtime()?;
        let client = Client::new(Settings::find(&self.service)?)?;
        let members = (0..columns.header().len()).map(|index| columns.meaning(index).map(Member::name));
        let mut body = Map::new();
        body.insert("columns".to_owned(), json!(members.collect::<Vec<_>>()));
        for (name, value) in reading.fields() {
            if ["country", "defaultRoles"].contains(&name) {
                body.insert(name.to_owned(), json!(value));
            }
        }
        if self.upsert {
            body.insert("mode".to_owned(), json!("upsert"));
        }
        Ok(Some(Online {
            runtime,
            client,
            body,
            takes_existing: self.upsert || self.ignore_duplicates,
            waiting: Vec::new(),
            waiting_bytes: 0,
            columns: columns.clone(),
        }))
    }
}

impl Online {
    /// Takes a row, and returns rows in their order once enough have come together.
    ///
    /// # Errors
    ///
    /// If the service is out of reach, or refuses the question.
    pub(crate) fn take(&mut self, found: Found) -> Result<Vec<Found>, Failure> {
        self.waiting_bytes += found.cells.as_ref().map_or(0, OwnedCells::size);
        self.waiting.push(found);
        if self.waiting.len() < ROWS && self.waiting_bytes < BYTES {
            return Ok(Vec::new());
        }
        self.rest()
    }

    /// Returns the rows that wait, with what the service says of them.
    ///
    /// # Errors
    ///
    /// As for [`Online::take`].
    pub(crate) fn rest(&mut self) -> Result<Vec<Found>, Failure> {
        self.waiting_bytes = 0;
        let mut all = std::mem::take(&mut self.waiting);
        let mut asked: Vec<_> = all.iter_mut().filter(|found| !found.is_rejected()).collect();
        let width = self.columns.header().len();
        let rows: Vec<Vec<String>> = asked
            .iter()
            .map(|found| {
                let cells = found.cells.as_ref().map(OwnedCells::cells);
                let cells = cells
                    .into_iter()
                    .flat_map(|cells| cells.iter().collect::<Vec<_>>());
                cells
                    .take(width)
                    .map(|cell| cell.unwrap_or_default().to_owned())
                    .collect()
            })
            .collect();
        if rows.is_empty() {
            return Ok(all);
        }
        let mut body = self.body.clone();
        body.insert("rows".to_owned(), json!(rows));
        let answer = self.runtime.block_on(self.client.send(Patience::Long, || {
            self.client
                .request(Method::POST, "/users/import/check")
                .json(&body)
        }))?;
        let results = answer["rows"].as_array().cloned().unwrap_or_default();
        for (found, result) in asked.iter_mut().zip(&results) {
            self.add(found, result);
        }
        Ok(all)
    }

    /// Adds what the service says of a row.
    fn add(&self, found: &mut Found, result: &Value) {
        let faults = result["faults"].as_array().cloned().unwrap_or_default();
        for fault in faults {
            let Ok(mut fault) = serde_json::from_value::<RowError>(fault) else {
                continue;
            };
            // Warnings are known, for they are found in the cells.
            if fault.severity != roster::Severity::Error {
                continue;
            }
            (fault.line, fault.row) = (found.line, found.row);
            let name = fault.member.and_then(|member| self.columns.name(member));
            if let (Some(name), Some(member)) = (name, fault.member) {
                let rest = fault
                    .message
                    .strip_prefix(member.name())
                    .unwrap_or(&fault.message);
                fault.message = format!("{}{rest}", Violation::shown(name));
                fault.column = Some(Violation::shown(name).to_owned());
            }
            found.faults.push(fault);
        }
        if result["outcome"] == "exists" && !self.takes_existing {
            let index = self.columns.index(Member::Email);
            let cells = found.cells.as_ref().map(OwnedCells::cells);
            let email = index
                .and_then(|index| cells?.get(index)?.ok())
                .unwrap_or_default();
            let violation = Violation::new(
                Member::Email,
                Code::AlreadyExists,
                "belongs to an existing account",
            );
            let violation = violation.of_value(email.trim());
            let column = self.columns.name(Member::Email);
            found
                .faults
                .push(RowError::new(found.line, found.row, column, violation));
        }
    }
}

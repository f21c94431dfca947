//! The staged file of an import, read ahead of the rows that are taken from it.

use bytes::Bytes;
use files::{ObjectReader, Unreadable};
use sheet::{Columns, Dialect, FileFault, Position, Rows, UnknownColumns};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Pieces that are read ahead.
const AHEAD: usize = 4;

/// Reads an object in a task of its own, so that reading and writing overlap.
#[derive(Debug)]
pub(super) struct File {
    pieces: mpsc::Receiver<Result<Bytes, Unreadable>>,
    /// Ends the task with the file.
    _task: JoinSet<()>,
}

impl File {
    /// Begins to read.
    pub(super) fn open(mut reader: ObjectReader) -> Self {
        let (sender, pieces) = mpsc::channel(AHEAD);
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Some(piece) = reader.next().await.transpose() {
                let failed = piece.is_err();
                if sender.send(piece).await.is_err() || failed {
                    return;
                }
            }
        });
        Self { pieces, _task: task }
    }

    /// Feeds the next piece to `rows`; `false` once the file has ended.
    pub(super) async fn feed(&mut self, rows: &mut Rows) -> Result<bool, Unreadable> {
        let piece = self.pieces.recv().await.transpose()?;
        match &piece {
            Some(piece) => rows.feed(piece),
            None => rows.finish(),
        }
        Ok(piece.is_some())
    }

    /// Finds out how the file is written, for a reading that begins with its first byte.
    pub(super) async fn dialect(&mut self) -> Result<Result<(Dialect, Rows), FileFault>, Unreadable> {
        let mut head = Vec::new();
        while head.len() < Dialect::HEAD
            && let Some(piece) = self.pieces.recv().await.transpose()?
        {
            head.extend_from_slice(&piece);
        }
        Ok(Dialect::detect(&head).map(|dialect| {
            let mut rows = Rows::new(dialect, Position::START);
            rows.feed(&head);
            (dialect, rows)
        }))
    }

    /// Reads the header, for a reading that begins with the first byte.
    pub(super) async fn columns(
        &mut self,
        rows: &mut Rows,
        unknown: UnknownColumns,
    ) -> Result<Result<Columns, FileFault>, Unreadable> {
        let mut more = true;
        loop {
            match rows.next_row() {
                None if more => {}
                header => return Ok(Columns::read(header, unknown)),
            }
            more = self.feed(rows).await?;
        }
    }
}

//! The staged file of an import, read ahead of the rows that are taken from it.

use bytes::Bytes;
use files::{ObjectReader, Unreadable};
use roster::Member;
use sheet::{Columns, FileFault, FileLayout, Header, ImportOptions, Rows, Wishes};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Pieces that are read ahead, as they come from the socket: some hundred KB, enough that no batch waits for a file.
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

    /// Finds out how the file is laid out, for a reading that begins with its first byte.
    pub(super) async fn layout(
        &mut self,
        wishes: Wishes<'_>,
    ) -> Result<Result<(FileLayout, Rows), FileFault>, Unreadable> {
        let mut head = Vec::new();
        while head.len() < FileLayout::HEAD
            && let Some(piece) = self.pieces.recv().await.transpose()?
        {
            head.extend_from_slice(&piece);
        }
        Ok(FileLayout::find(&head, wishes).map(|layout| {
            let mut rows = layout.rows();
            let start = usize::try_from(layout.start.offset).unwrap_or(usize::MAX);
            rows.feed(head.get(start..).unwrap_or_default());
            (layout, rows)
        }))
    }

    /// Reads the header, if the file has one, for a reading that begins there.
    pub(super) async fn columns(
        &mut self,
        rows: &mut Rows,
        layout: &FileLayout,
        options: &ImportOptions,
    ) -> Result<Result<Columns, FileFault>, Unreadable> {
        match layout.header {
            Header::Absent => return Ok(Columns::by_position(options.members())),
            Header::Addresses => return Ok(Columns::by_position(&[Some(Member::Email)])),
            Header::Present => {}
        }
        let mut more = true;
        loop {
            match rows.next_row() {
                None if more => {}
                header => {
                    let (unknown, mapping) = (options.unknown_columns, options.columns.as_ref());
                    let columns = Columns::read(header, unknown, mapping);
                    return Ok(columns.map_err(|fault| fault.in_dialect(layout.dialect)));
                }
            }
            more = self.feed(rows).await?;
        }
    }
}

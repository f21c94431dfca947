//! Writing users to a file.

use std::mem;

use bytes::Bytes;
use errors::Error;
use files::Unreadable;
use futures::stream;
use index::{Entry, Filter, Invalid, Merged, Segment, State};
use roster::{Timestamp, User, UserView};
use service::clock;
use sheet::ExportedUsers;
use table::{ExportFormat, ExportedFile, IndexState};
use tokio::sync::mpsc::{self, Sender};

use crate::cache::{Lost, deltas, entries, lost};
use crate::{Catalog, tick};

/// Bytes that are handed from the thread that writes rows to the upload at once.
const PIECE: usize = 1024 * 1024;
/// Pieces that wait for the upload: 4 MB, so that rows are written while a part of 5 MB is on its way.
const AHEAD: usize = 4;
/// How often a call begins again because the segments were exchanged meanwhile. Replaced objects stay for ten minutes, so the
/// second try has its segments; the caller who asks again starts another call.
const TRIES: u32 = 3;

/// Writes the file of the export `id`, unless there is one. `run` names the call, as for [`tick`].
///
/// It shows one moment: the segments and notes that one look at the index has given. Killed anywhere it leaves an upload
/// or an object that nothing names, which the bucket deletes after a day.
///
/// # Errors
///
/// If storage fails, or the index is not built. The next call does it.
pub async fn write_export(app: &Catalog, id: &str, run: &str) -> Result<(), Error> {
    let app = &app.patient();
    let Some(export) = app.exports.find(id, clock::now()).await? else {
        return Ok(());
    };
    // What a later version has asked for is left to it.
    let (Some(format), Some(filter)) = (export.format.known(), export.filter.known()) else {
        return Ok(());
    };
    if export.file.is_some() {
        return Ok(());
    }
    for _ in 0..TRIES {
        let taken_at = clock::now();
        let state = app.index.read().await?;
        if !app.has_index(&state) {
            tick(app, run, None, clock::now()).await?;
            continue;
        }
        match written(app, &state, (*format, filter), taken_at).await {
            Ok(file) => return app.exports.finish(&export, &file).await,
            Err(Lost::Failed(error)) => return Err(error),
            Err(Lost::Gone(key)) => tracing::warn!(index.object = key, "an object of the index is not there"),
        }
    }
    Err(unavailable("the index is being built"))
}

fn unavailable(source: &'static str) -> Error {
    Error::Unavailable {
        doing: "write an export",
        source: source.into(),
    }
}

async fn written(
    app: &Catalog,
    state: &IndexState,
    (format, filter): (ExportFormat, &Filter),
    taken_at: Timestamp,
) -> Result<ExportedFile, Lost> {
    let segments = state.manifest.iter().flat_map(|manifest| &manifest.segments);
    let mut files = Vec::new();
    for segment in segments {
        let read = app.objects.segment(&segment.key, segment.bytes).await;
        let bytes = read.map_err(|error: Unreadable| lost(&segment.key, error))?;
        files.push(Segment::read(bytes).map_err(|_| Lost::Gone(segment.key.clone()))?);
    }
    let mut noted = entries(&state.notes)?;
    noted.extend(deltas(&app.objects, &state.notes).await?);

    let (pieces, received) = mpsc::channel(AHEAD);
    let filter = filter.clone();
    let writing = tokio::task::spawn_blocking(move || {
        let mut rows = Rows::new(format, pieces);
        let done = rows.write_all(&files, noted, &filter);
        if done.is_err() {
            // The upload must not end as if this were all.
            let _ = rows
                .pieces
                .blocking_send(Err(unavailable("a segment is damaged")));
        }
        done.map(|()| rows.count)
    });
    let content = stream::unfold(received, |mut received| async {
        received.recv().await.map(|piece| (piece, received))
    });
    let (media_type, ending) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        ExportFormat::Ndjson => ("application/x-ndjson", "ndjson"),
    };
    let day = taken_at.to_string().chars().take(10).collect::<String>();
    let name = format!("users-{day}.{ending}");
    let put = app.objects.put_export((media_type, &name), content).await;
    let rows = writing
        .await
        .map_err(|error| Lost::Failed(Error::internal("write an export", error)))?
        .map_err(|Invalid| Lost::Gone("of several".to_owned()))?;
    let (key, bytes) = put.map_err(Lost::Failed)?;
    Ok(ExportedFile {
        key,
        rows,
        bytes,
        taken_at: taken_at.millis(),
    })
}

/// Writes rows and hands them over in pieces.
struct Rows {
    format: ExportFormat,
    pieces: Sender<Result<Vec<u8>, Error>>,
    piece: Vec<u8>,
    count: u64,
}

impl Rows {
    fn new(format: ExportFormat, pieces: Sender<Result<Vec<u8>, Error>>) -> Self {
        Self {
            format,
            pieces,
            piece: Vec::with_capacity(PIECE),
            count: 0,
        }
    }

    /// Writes the users who match, by address.
    fn write_all(
        &mut self,
        segments: &[Segment<Bytes>],
        noted: Vec<Entry>,
        filter: &Filter,
    ) -> Result<(), Invalid> {
        if self.format == ExportFormat::Csv {
            ExportedUsers::header(&mut self.piece);
        }
        for entry in Merged::new(segments, noted)? {
            let entry = entry?;
            if !entry.is_listed() {
                continue;
            }
            if let State::Present(user) = entry.state
                && filter.admits(&user)
            {
                self.write(&user);
                self.count += 1;
            }
            // Nobody receives any more if the upload has failed.
            if self.piece.len() >= PIECE && !self.hand_over() {
                return Ok(());
            }
        }
        self.hand_over();
        Ok(())
    }

    fn write(&mut self, user: &User) {
        match self.format {
            ExportFormat::Csv => ExportedUsers::row(user, &mut self.piece),
            ExportFormat::Ndjson => {
                let line = serde_json::to_vec(&UserView::from(user)).unwrap_or_default();
                self.piece.extend_from_slice(&line);
                self.piece.push(b'\n');
            }
        }
    }

    fn hand_over(&mut self) -> bool {
        let piece = mem::take(&mut self.piece);
        self.pieces.blocking_send(Ok(piece)).is_ok()
    }
}

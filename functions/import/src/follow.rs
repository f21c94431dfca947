//! `POST /users/import/{importId}/apply` and `/undo`: imports of their own that carry out a dry run, or take an import
//! back.

use std::time::Duration;

use lambda_http::http::StatusCode;
use lambda_http::http::header::LOCATION;
use lambda_http::{Body, Request, Response};
use shared::audit::{self, ImportAct};
use shared::auth::Caller;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::query::Query;
use shared::http::{self, Kind, respond};
use shared::intake::record::{Import, Status, Via};
use shared::intake::{ImportView, Intake};
use shared::roster::{ImportId, Right, Timestamp};
use shared::sheet::{Act, ImportOptions, Missing, Mode};
use shared::{Error, by_reference, clock};

use super::{find, named};

/// The file of a dry run has to be kept at least this long, so that it is there until the apply has read it.
const FILE_IS_NEEDED: Duration = Duration::from_hours(24);

pub(crate) const APPLY: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/import/{importId}/apply",
        Access::Right(Right::Import),
        by_reference!(apply),
    ),
    tag: Tag::Imports,
    id: "applyImport",
    summary: "Carries out a dry run",
    describe: |operation| {
        operation
            .about(
                "Starts an import of the same file with the same options, whose `parent` is the dry run. A row whose \
                 account was changed, created or deleted since the dry run fails with `changed_since`, and a row that \
                 failed there fails again. Of the accounts that are not in the file, only those are disabled that the \
                 dry run has listed and that nothing has changed since. A second request is answered with the same import.",
            )
            .answers(202, started("The import that carries it out"))
            .fails(&[&Kind::CONFLICT])
    },
};

pub(crate) const UNDO: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/import/{importId}/undo",
        Access::Right(Right::Import),
        by_reference!(undo),
    ),
    tag: Tag::Imports,
    id: "undoImport",
    summary: "Takes an import back",
    describe: |operation| {
        operation
            .about(
                "Starts an import with the mode `undo`, whose `parent` is the import to be taken back. Accounts that \
                 were created are deleted and accounts that were changed get their former values back, unless they \
                 were changed since: these are kept, and their rows fail with `changed_since`. Accounts that were \
                 disabled because they were not in the file are enabled again. Take imports back one \
                 after the other, the newest first. While an undo is running, a second request is answered with it.",
            )
            .answers(202, started("The import that takes it back"))
            .fails(&[&Kind::CONFLICT])
    },
};

fn started(about: &str) -> Answer {
    Answer::json::<ImportView>(about)
        .header("Location", "The path of the import")
        .leads_to("readImport", "importId")
        .leads_to("listImportChanges", "importId")
}

async fn apply(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, dry_run) = named(app, request).await?;
    Query::of(request).finish()?;
    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }
    let mut parent = dry_run;
    let id = ImportId::made_by(http::mark(request));
    let mut tries = app.table.tries("apply a dry run");
    loop {
        if let Some(applied) = parent.applied_by {
            return answer(app, find(app, applied).await?).await;
        }
        let now = clock::now();
        let options = applicable(&parent, now)?;
        if !app.uploads.is_there(&parent.object).await? {
            return Err(gone("send it again"));
        }
        let options = ImportOptions {
            mode: if options.upserts() {
                Mode::Upsert
            } else {
                Mode::Create
            },
            act: Act::Apply,
            ..options
        };
        let import = following(app, &caller, &parent, options, id);
        if app.imports.insert_applying(&import, &parent).await? {
            audit::import(&caller.actor(), ImportAct::Applied, parent.id);
            return answer(app, import).await;
        }
        tries.again().await?;
        parent = find(app, parent.id).await?;
    }
}

async fn undo(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, import) = named(app, request).await?;
    Query::of(request).finish()?;
    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }
    let mut parent = import;
    let id = ImportId::made_by(http::mark(request));
    let mut tries = app.table.tries("take an import back");
    loop {
        let now = clock::now();
        if let Some(id_of_undo) = parent.undone_by
            && let Some(before) = app.imports.find(id_of_undo, now).await?
            && (!before.is_final() || before.id == id)
        {
            return answer(app, before).await;
        }
        let options = undoable(&parent)?;
        if !app.uploads.is_there(&parent.object).await? {
            return Err(gone("it cannot be taken back any more"));
        }
        let options = ImportOptions {
            mode: Mode::Create,
            act: Act::Undo,
            missing: Missing::Ignore,
            ..options
        };
        let undoing = following(app, &caller, &parent, options, id);
        if app.imports.insert_undoing(&undoing, &parent).await? {
            audit::import(&caller.actor(), ImportAct::Undone, parent.id);
            return answer(app, undoing).await;
        }
        tries.again().await?;
        parent = find(app, parent.id).await?;
    }
}

/// Returns the options of a dry run that can be applied.
fn applicable(parent: &Import, now: Timestamp) -> Result<ImportOptions, Error> {
    let options = parent.options.known().filter(|options| options.is_dry());
    let Some(options) = options.filter(|_| parent.status == Status::Completed) else {
        return Err(Error::conflict("only a completed dry run can be applied"));
    };
    if !parent.is_recorded {
        return Err(Error::conflict(
            "an earlier version of the service made this dry run; start it again",
        ));
    }
    if parent.expires_at < now.plus(FILE_IS_NEEDED) {
        return Err(gone("send it again"));
    }
    Ok(options.clone())
}

/// Returns the options of an import that can be taken back.
fn undoable(parent: &Import) -> Result<ImportOptions, Error> {
    let Some(options) = parent.options.known().filter(|_| parent.is_final()) else {
        return Err(Error::conflict(
            "only an import that has ended can be taken back; cancel it, or wait for its end",
        ));
    };
    if options.is_dry() {
        return Err(Error::conflict(
            "a dry run has changed nothing that could be taken back",
        ));
    }
    if options.act == Act::Undo {
        return Err(Error::conflict(
            "an undo cannot be taken back; import the file again",
        ));
    }
    if !parent.is_recorded {
        return Err(Error::conflict(
            "an earlier version of the service took the import in and has not kept what it changed",
        ));
    }
    Ok(options.clone())
}

fn gone(remedy: &str) -> Error {
    Error::conflict(format!(
        "the file of the import is deleted, or will be within 24 hours; {remedy}"
    ))
}

/// Returns an import of the file of `parent` by `caller`.
fn following(app: &Intake, caller: &Caller, parent: &Import, options: ImportOptions, id: ImportId) -> Import {
    let now = clock::now();
    let expires_at = now.plus(app.config.import_retention);
    let key = parent.object.key.clone();
    let import = Import::open(id, key, Via::Api, options, now..expires_at);
    Import {
        created_by: Some(caller.user.id),
        object: parent.object.clone(),
        file_name: parent.file_name.clone(),
        bytes: parent.bytes,
        parent: Some(parent.id),
        sender_roles: Some(caller.user.roles),
        ..import
    }
}

/// Answers with an import that has been recorded, and starts it unless a run has begun.
async fn answer(app: &Intake, import: Import) -> Result<Response<Body>, Error> {
    if import.status == Status::Queued {
        // Again, if an earlier try was cut off before it had done so. One run takes it.
        app.uploads.resume(import.id).await?;
    }
    let response = Response::builder()
        .status(StatusCode::ACCEPTED)
        .header(LOCATION, http::import_path(import.id));
    let view = ImportView::whole(&app.imports, import, clock::now()).await?;
    respond::json(response, &view)
}

//! What a function that searches users holds between requests.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use errors::{Error, chain};
use files::{UploadStore, Wake};
use index::{Place, Snapshot, Wanted};
use roster::{Tally, User, UserId};
use service::{App, Config, StartError, clock};
use table::{ExportStore, IndexState, IndexStore, Listing};
use tokio::sync::OnceCell;

use crate::cache::{Cache, Lost};

/// Notes from which a reader calls the function of the index before its time: they cost each search a read unit for
/// every ten or so.
const MANY_NOTES: usize = 128;
/// Milliseconds between two such calls of one process: a merge takes some seconds, and a call that finds one under way does
/// nothing.
const BETWEEN_CALLS: u64 = 30_000;
/// How often a reader begins again because the segments were exchanged meanwhile, or an object was gone. Calls of the
/// function of the index follow each other by seconds and a read takes less than one, so a second try is nearly always the
/// last; each try reads anew what it needs, and a request has 26 s for all of them.
const TRIES: u32 = 5;

/// An [`App`] with the index of users. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    app: App,
    /// The manifest and the notes.
    pub(crate) index: IndexStore,
    /// The files that were asked for.
    pub exports: ExportStore,
    /// The objects of the index, and those files.
    pub objects: UploadStore,
    pub(crate) cache: Cache,
    secret: Arc<OnceCell<[u8; 32]>>,
    /// When this process called the function of the index last, in milliseconds.
    called: Arc<AtomicU64>,
}

/// One page of users.
#[derive(Clone, Debug)]
pub struct Page {
    /// The users, as they stand in the table now. One that went or no longer matches is left out.
    pub users: Vec<User>,
    /// How many users match in all.
    pub count: u64,
    /// Where the page ends, if more follow.
    pub last: Option<Place>,
}

impl Catalog {
    /// Returns a catalog over the given clients, which get the time limits of `config`.
    #[must_use]
    pub fn new(config: Config, dynamodb: &aws_sdk_dynamodb::Client, s3: &aws_sdk_s3::Client) -> Self {
        let objects = UploadStore::new(s3, config.bucket.clone(), config.limits);
        Self::over(App::new(config, dynamodb), objects)
    }

    fn over(app: App, objects: UploadStore) -> Self {
        Self {
            index: IndexStore::new(app.table.clone()),
            exports: ExportStore::new(app.table.clone()),
            objects,
            cache: Cache::default(),
            secret: Arc::default(),
            called: Arc::default(),
            app,
        }
    }

    /// Returns the same catalog, which remembers the index together with `other`: for functions in one process.
    #[must_use]
    pub fn remembering_with(self, other: &Self) -> Self {
        Self {
            cache: other.cache.clone(),
            ..self
        }
    }

    /// Returns the same catalog for work without a caller who waits: see [`App::patient`].
    #[must_use]
    pub fn patient(&self) -> Self {
        let app = self.app.patient();
        let objects = self.objects.clone().within(app.config.limits);
        Self {
            index: IndexStore::new(app.table.clone()),
            exports: ExportStore::new(app.table.clone()),
            objects,
            app,
            ..self.clone()
        }
    }

    /// Returns a catalog from the process's environment, as Lambda sets it.
    ///
    /// # Errors
    ///
    /// If the environment does not make a whole configuration: the function must not start.
    pub fn from_env() -> Result<Self, StartError> {
        let config = Config::from_env()?;
        let aws = config.aws_from_env()?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        let objects = UploadStore::of(aws, config.s3_path_style, config.bucket.clone(), config.limits);
        Ok(Self::over(App::new(config, &dynamodb), objects))
    }

    /// Returns the page that is wanted, exact as of a moment after this was called.
    ///
    /// `known` is how many match in all, if an earlier page has counted them; only a table without an index makes use
    /// of it.
    ///
    /// # Errors
    ///
    /// If storage fails. [`Error::Unavailable`] while the index is damaged and has to be built again.
    pub async fn page(&self, wanted: &Wanted, known: Option<u64>) -> Result<Page, Error> {
        let mut tries = Tries::default();
        loop {
            let state = self.read_index().await?;
            if wanted.is_beginning()
                && let Some(page) = self.first_page(&state, wanted.limit).await?
            {
                return Ok(page);
            }
            let basis = self.basis(&state, &tries).await?;
            if let Basis::Listing = basis {
                return self.listed(wanted, known).await;
            }
            if let Basis::Index(snapshot) = basis {
                let found = find(snapshot, wanted.clone()).await?;
                let (accounts, generation) = self.index.accounts(&found.ids).await?;
                if generation == state.generation() {
                    let mut users: Vec<_> = accounts.into_iter().map(table::Account::into_user).collect();
                    return Ok(Page {
                        users: in_order(&found.ids, &mut users, wanted),
                        count: found.count,
                        last: found.last,
                    });
                }
            }
            tries.again(&state)?;
        }
    }

    /// Returns the first page by address, read from the beginning of the segments; `None` if that is not known to be
    /// right, or spares little.
    async fn first_page(&self, state: &IndexState, limit: u64) -> Result<Option<Page>, Error> {
        let Some(manifest) = state.manifest.as_ref().filter(|_| self.has_index(state)) else {
            return Ok(None);
        };
        let beginning = self
            .cache
            .beginning(&self.objects, &manifest.segments, &state.notes);
        let places = match beginning.await {
            Ok(beginning) => beginning.and_then(|beginning| beginning.first(limit)),
            // Whoever reads all of it knows what to do.
            Err(Lost::Gone(_)) => None,
            Err(Lost::Failed(error)) => return Err(error),
        };
        let Some(places) = places else {
            return Ok(None);
        };
        let count = self.users.tally().await?.all.total;
        let ids: Vec<_> = places.iter().map(|place| place.id).collect();
        let (accounts, generation) = self.index.accounts(&ids).await?;
        let mut users: Vec<_> = accounts.into_iter().map(table::Account::into_user).collect();
        let users = in_order(&ids, &mut users, &Wanted::default());
        // An account that is gone or has another address by now, or had it all along by a record that is not known.
        let is_right = users.len() == places.len()
            && users
                .iter()
                .zip(&places)
                .all(|(user, place)| user.email.key() == place.email);
        if !is_right || generation != state.generation() {
            return Ok(None);
        }
        Ok(Some(Page {
            users,
            count: u64::try_from(count).unwrap_or_default(),
            last: places.into_iter().last(),
        }))
    }

    /// Returns the numbers of users without an admin role.
    ///
    /// # Errors
    ///
    /// As [`Catalog::page`].
    pub async fn tally_without_admins(&self) -> Result<Tally, Error> {
        let mut tries = Tries::default();
        loop {
            let state = self.read_index().await?;
            match self.basis(&state, &tries).await? {
                Basis::Listing => return self.users.tally_without_admins().await,
                Basis::Index(snapshot) => {
                    let (_, generation) = self.index.accounts(&[]).await?;
                    if generation == state.generation() {
                        return Ok(snapshot.tally(true));
                    }
                }
                Basis::Changing => {}
            }
            tries.again(&state)?;
        }
    }

    /// Returns the secret by which cursors are sealed.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn secret(&self) -> Result<&[u8; 32], Error> {
        self.secret.get_or_try_init(|| self.index.secret()).await
    }

    /// Reads the manifest and the notes, and has them merged if they are many.
    async fn read_index(&self) -> Result<IndexState, Error> {
        let state = self.index.read().await?;
        if state.notes.len() >= MANY_NOTES {
            self.call(Wake::Merge).await;
        }
        Ok(state)
    }

    /// Returns what a request for users goes by, where `state` is what was read last.
    async fn basis(&self, state: &IndexState, tries: &Tries) -> Result<Basis, Error> {
        let loaded = match self.load(state).await {
            Err(Lost::Gone(key)) => {
                // A merge may have exchanged the segments since they were read. At one generation, nothing has.
                if tries.last != Some(state.generation()) {
                    return Ok(Basis::Changing);
                }
                tracing::error!(index.object = key, "an object of the index is not there");
                self.call(Wake::Lost).await;
                return Err(Error::Unavailable {
                    doing: "read the index",
                    source: "one of its objects is lost; it is being built again".into(),
                });
            }
            Err(Lost::Failed(error)) => return Err(error),
            Ok(snapshot) => snapshot,
        };
        // Notes of an index that was built before tell nothing of those who are only in its segments.
        let is_new = || {
            state
                .manifest
                .as_ref()
                .is_none_or(|manifest| !self.owns(manifest))
        };
        if self.has_index(state) || (is_new() && loaded.tally(false) == self.users.tally().await?) {
            return Ok(Basis::Index(loaded));
        }
        if tries.count < 2 {
            // Somebody may have written between the two reads.
            return Ok(Basis::Changing);
        }
        let is_partial = state
            .manifest
            .as_ref()
            .is_some_and(|manifest| manifest.is_listing_partial);
        if self.config.users_in_listing && !is_partial {
            return Ok(Basis::Listing);
        }
        self.call(Wake::Lost).await;
        Err(Error::Unavailable {
            doing: "read the index",
            source: "it is not built yet".into(),
        })
    }

    /// Returns whether the segments and notes are all there is. Without a manifest of its own and of this epoch, a table
    /// may have users whom a version without notes has made or changed.
    pub(crate) fn has_index(&self, state: &IndexState) -> bool {
        state
            .manifest
            .as_ref()
            .is_some_and(|manifest| self.is_current(manifest))
    }

    /// Returns whether no version without notes can have run since the index was built.
    pub(crate) fn is_current(&self, manifest: &table::Manifest) -> bool {
        self.owns(manifest) && manifest.epoch == self.config.index_epoch
    }

    /// Returns whether the index is of this table, though maybe of an earlier epoch.
    pub(crate) fn owns(&self, manifest: &table::Manifest) -> bool {
        manifest.generation > 0
            && manifest.table == self.config.table
            && manifest.bucket == self.config.bucket
    }

    /// Joins the segments and the notes of `state`; only the notes, if the manifest is not this table's.
    pub(crate) async fn load(&self, state: &IndexState) -> Result<Snapshot, Lost> {
        let manifest = state.manifest.as_ref().filter(|manifest| self.owns(manifest));
        let segments = manifest.map(|manifest| manifest.segments.as_slice());
        self.cache
            .load(&self.objects, segments.unwrap_or_default(), &state.notes)
            .await
    }

    /// Calls the function of the index, unless this process did so just before. It also comes by the clock.
    async fn call(&self, why: Wake) {
        let now = clock::now().millis();
        let last = self.called.load(Ordering::Relaxed);
        if now.saturating_sub(last) < BETWEEN_CALLS {
            return;
        }
        self.called.store(now, Ordering::Relaxed);
        if let Err(error) = self.objects.wake_index(why).await {
            tracing::warn!(error = chain(&error), "the index is not called");
        }
    }

    /// Returns the page from DynamoDB's index `listing`, for a table whose index is not built yet.
    async fn listed(&self, wanted: &Wanted, known: Option<u64>) -> Result<Page, Error> {
        let listing = Listing {
            filter: wanted.filter.clone(),
            order: wanted.order,
            after: wanted.after.clone(),
            skip: wanted.skip,
            limit: wanted.limit,
            count: known,
        };
        let found = self.users.page(&listing).await?;
        Ok(Page {
            users: found.users,
            count: found.count,
            last: found.last,
        })
    }
}

/// What a request for users goes by.
#[derive(Debug)]
enum Basis {
    /// The segments and notes together.
    Index(Snapshot),
    /// Something was written while it was read: read again.
    Changing,
    /// DynamoDB's index `listing`: the table has no index of users yet.
    Listing,
}

/// The tries of one request to read the index.
#[derive(Debug, Default)]
struct Tries {
    count: u32,
    /// The generation of the last one.
    last: Option<u64>,
}

impl Tries {
    /// Counts one more, which has read `state`.
    fn again(&mut self, state: &IndexState) -> Result<(), Error> {
        self.count += 1;
        self.last = Some(state.generation());
        if self.count < TRIES {
            return Ok(());
        }
        Err(Error::Unavailable {
            doing: "read the index",
            source: "its segments were exchanged again and again".into(),
        })
    }
}

/// Searches on a thread of its own: a million users take some milliseconds.
async fn find(snapshot: Snapshot, wanted: Wanted) -> Result<index::Found, Error> {
    tokio::task::spawn_blocking(move || snapshot.find(&wanted))
        .await
        .map_err(|error| Error::internal("search users", error))
}

/// Returns those of `users` that still match, in the order of `ids`.
fn in_order(ids: &[UserId], users: &mut Vec<User>, wanted: &Wanted) -> Vec<User> {
    ids.iter()
        .filter_map(|id| {
            let place = users.iter().position(|user| user.id == *id)?;
            Some(users.swap_remove(place))
        })
        .filter(|user| wanted.filter.admits(user))
        .collect()
}

/// Whatever needs an [`App`] takes a catalog as well.
impl Deref for Catalog {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl AsRef<App> for Catalog {
    fn as_ref(&self) -> &App {
        &self.app
    }
}

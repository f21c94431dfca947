//! Operations: everything there is to know of one method of one path, declared beside its handler.
//!
//! A function lists its operations with [`operations!`](crate::operations). From that list follow the choice of the
//! handler, `Allow`, `Accept`, the right that a caller needs, `Idempotency-Key`, `Cache-Control`, the OpenAPI document,
//! and the tests that cover every route. The list has two parts: [`Route`]s, which serve, and [`Description`]s, which
//! only the document asks for, so that no function's binary has anything of them.

mod account;
mod answer;
mod description;
mod schema;
mod tag;

use errors::Error;
use futures::future::BoxFuture;
use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use roster::Right;

pub use answer::{Answer, common_headers};
pub use description::{BEARER, Description, Schemas};
pub use schema::{Nothing, add, add_read_only, nullable};
pub use tag::Tag;

/// What a handler returns: the answer, or why there is none.
pub type Answered = Result<Response<Body>, Error>;

/// Handles one operation. [`by_reference!`](crate::by_reference) makes one of an `async fn` that borrows the request.
pub type Handler<A> = for<'a> fn(&'a A, Request) -> BoxFuture<'a, Answered>;

/// The methods that operations have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Adds or starts something; may carry an `Idempotency-Key`.
    Post,
    /// Changes.
    Put,
    /// Deletes or ends.
    Delete,
}

impl Verb {
    /// Returns the verb as HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Returns whether `method` is this verb.
    #[must_use]
    pub fn is(self, method: &Method) -> bool {
        method.as_str() == self.as_str()
    }
}

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token.
    Open,
    /// Anybody with a valid token. What else it takes is decided by the handler, because it depends on more than the
    /// caller's roles.
    SignedIn,
    /// Callers whose roles give this right.
    Right(Right),
}

/// What caches may do with a successful answer (RFC 9111, 5.2.2). Problems are never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Nothing: answers are about persons and hold for one caller.
    Never,
    /// Keep it, and ask before each use.
    Revalidate,
    /// Keep it as long as they can: the path changes with the content.
    Forever,
}

impl Cache {
    /// Returns the value of `Cache-Control`.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Never => "no-store",
            Self::Revalidate => "no-cache",
            // A year is the longest that RFC 9111 lets caches believe in.
            Self::Forever => "public, max-age=31536000, immutable",
        }
    }
}

/// The media type that most operations answer with.
pub const JSON: &[&str] = &["application/json"];

/// The part of an operation that serves requests.
pub struct Route<A: 'static> {
    /// The method.
    pub verb: Verb,
    /// The path as the template has it, below [`BASE_PATH`](super::BASE_PATH) if it lies there: `/users/{userId}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The media types that a success may have; one of them has to be acceptable to the caller.
    pub produces: &'static [&'static str],
    /// What caches may do with a success.
    pub cache: Cache,
    /// Whether a POST takes an `Idempotency-Key`.
    keyed: bool,
    /// What carries it out.
    pub handler: Handler<A>,
}

// Derived implementations would ask the same of `A`.
impl<A> Clone for Route<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Route<A> {}

/// One operation, declared beside its handler.
pub struct Operation<A: 'static> {
    /// What serves it.
    pub route: Route<A>,
    /// What it is about.
    pub tag: Tag,
    /// The name that generated clients give to its method: `readUser`.
    pub id: &'static str,
    /// What it does, in a few words: `Reads a user`.
    pub summary: &'static str,
    /// Adds to the description what the route does not say: parameters, bodies, answers.
    pub describe: fn(Description) -> Description,
}

impl<A> Route<A> {
    /// Returns a route that answers with JSON which nobody may keep.
    #[must_use]
    pub const fn new(verb: Verb, path: &'static str, access: Access, handler: Handler<A>) -> Self {
        Self {
            verb,
            path,
            access,
            produces: JSON,
            cache: Cache::Never,
            keyed: matches!(verb, Verb::Post) && !matches!(access, Access::Open),
            handler,
        }
    }

    /// Returns a route that answers with one of `media_types` instead of JSON.
    #[must_use]
    pub const fn produces(mut self, media_types: &'static [&'static str]) -> Self {
        self.produces = media_types;
        self
    }

    /// Returns a route whose successes caches may keep as `cache` says.
    #[must_use]
    pub const fn cached(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }

    /// Returns a route of a POST that changes nothing, so it takes no `Idempotency-Key`.
    #[must_use]
    pub const fn changing_nothing(mut self) -> Self {
        self.keyed = false;
        self
    }

    /// Returns whether requests may carry an `Idempotency-Key`.
    #[must_use]
    pub const fn is_keyed(&self) -> bool {
        self.keyed
    }
}

impl<A> Operation<A> {
    /// Returns an operation that is a page or a part of one, which the OpenAPI document leaves out.
    #[must_use]
    pub const fn page(route: Route<A>) -> Self {
        Self {
            route,
            tag: Tag::Contract,
            id: "",
            summary: "",
            describe: Description::undocumented,
        }
    }

    /// Describes the operation for the OpenAPI document.
    #[must_use]
    pub fn described(&self) -> Description {
        (self.describe)(Description::new(&self.route, self.tag, self.id, self.summary))
    }
}

/// Lists the operations of a function: `operations! { App; READ, CHANGE }`.
///
/// Defines `ROUTES`, which [`serve`](crate::http::serve) takes, and `operations()`, which the OpenAPI document takes.
#[macro_export]
macro_rules! operations {
    ($state:ty; $($operation:path),+ $(,)?) => {
        /// What serves the requests of this function.
        pub static ROUTES: &[$crate::http::operation::Route<$state>] = &[$($operation.route),+];

        /// Describes every operation of this function for the OpenAPI document.
        #[must_use]
        pub fn operations() -> Vec<$crate::http::operation::Description> {
            vec![$($operation.described()),+]
        }
    };
}

/// Makes a [`Handler`] of an `async fn` that takes the state and borrows the request.
#[macro_export]
macro_rules! by_reference {
    ($handler:path) => {
        |state, request| Box::pin(async move { $handler(state, &request).await })
    };
}

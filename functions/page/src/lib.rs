//! The operator's page: `/`, its files at `/page/{hash}/{file}`, and `/page/config.json`.
//!
//! The files are plain ES modules and one style sheet, built into the binary. All of them together have one hash,
//! which names the folder that they are served from: an address never gets another content, so browsers keep the
//! files, and a deployment never mixes two versions. Only the shell at `/` is asked for again.

mod policy;
mod site;

use std::future::ready;
use std::path::PathBuf;

use lambda_http::http::header::{CONTENT_SECURITY_POLICY, HeaderName};
use lambda_http::{Body, Request, RequestExt, Response};
use serde::Serialize;
use shared::auth::endpoints::{EndpointCache, Endpoints};
use shared::auth::issuer::{Issuer, Profile};
use shared::http::operation::{Access, Cache, Operation, Route, Verb};
use shared::http::query::Query;
use shared::http::respond;
use shared::{App, Error, clock, operations};

pub use policy::policy;
pub use site::Site;

operations! { Page; SHELL, SETTINGS, FILE }

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What the function holds between requests.
#[derive(Clone, Debug)]
pub struct Page {
    app: App,
    source: Source,
    /// Where the issuer signs people in, if the page has a client there.
    endpoints: Option<EndpointCache>,
}

#[derive(Clone, Debug)]
enum Source {
    Embedded(Site),
    Folder(PathBuf),
}

impl Page {
    /// Returns the page that is built into the binary.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self::over(app, Source::Embedded(Site::embedded()))
    }

    /// Returns the page in `folder`, read again at each request. Only for development.
    #[must_use]
    pub fn in_folder(app: App, folder: PathBuf) -> Self {
        Self::over(app, Source::Folder(folder))
    }

    fn over(app: App, source: Source) -> Self {
        let issuer = app.config.issuer.as_ref();
        let endpoints = issuer
            .filter(|issuer| issuer.client.is_some())
            .map(|issuer| EndpointCache::new(issuer, app.config.limits));
        Self {
            app,
            source,
            endpoints,
        }
    }

    /// Where the issuer signs people in; `None` without a client there, and while it cannot be asked.
    async fn endpoints(&self) -> Option<Endpoints> {
        match &self.endpoints {
            Some(endpoints) => endpoints.at(clock::now()).await,
            None => None,
        }
    }

    fn site(&self) -> Result<Site, Error> {
        match &self.source {
            Source::Embedded(site) => Ok(site.clone()),
            Source::Folder(folder) => {
                Site::read(folder).map_err(|error| Error::internal("read the folder of the page", error))
            }
        }
    }
}

impl AsRef<App> for Page {
    fn as_ref(&self) -> &App {
        &self.app
    }
}

/// An issuer comes back to the shell with a query, which only the page's own script reads.
const SHELL: Operation<Page> = Operation::page(
    Route::new(Verb::Get, "/", Access::Open, |page, _| Box::pin(shell(page)))
        .produces(&["text/html"])
        .cached(Cache::Revalidate),
);

async fn shell(page: &Page) -> Result<Response<Body>, Error> {
    let site = page.site()?;
    let endpoints = page.endpoints().await;
    let token = endpoints.as_ref().map(|endpoints| endpoints.token.as_str());
    let response = Response::builder()
        .header(
            CONTENT_SECURITY_POLICY,
            policy(page.app.config.bucket_origin.as_ref(), token),
        )
        .header(OPENER_POLICY, "same-origin")
        .header(PERMISSIONS_POLICY, policy::PERMISSIONS);
    respond::bytes(response, "text/html; charset=utf-8", site.shell())
}

const FILE: Operation<Page> = Operation::page(
    Route::new(Verb::Get, "/page/{hash}/{file}", Access::Open, |page, request| {
        Box::pin(ready(file(page, &request)))
    })
    .produces(&["text/javascript", "text/css", "image/svg+xml"])
    .cached(Cache::Forever),
);

fn file(page: &Page, request: &Request) -> Result<Response<Body>, Error> {
    Query::of(request).finish()?;
    let parameters = request.path_parameters();
    let named = parameters.first("hash").zip(parameters.first("file"));
    let site = page.site()?;
    let (content_type, bytes) = named
        .filter(|(hash, _)| *hash == site.hash())
        .and_then(|(_, name)| site.file(name))
        .ok_or(Error::NotFound("the file"))?;
    respond::bytes(Response::builder(), content_type, bytes)
}

/// What the page has to know of the deployment before anyone has signed in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    /// Whether administrators may issue access tokens here.
    token_issue: bool,
    /// The version of the files, by which an old tab notices a deployment.
    version: String,
    /// How to sign in with the issuer; null if that is not possible, or not at the moment.
    issuer: Option<SignIn>,
}

/// A public client of the issuer, and where it signs people in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignIn {
    /// The identifier, as the issuer's answers and tokens have it.
    issuer: String,
    client_id: String,
    authorization_endpoint: String,
    token_endpoint: String,
    /// Whether the identity token signs in, as with Cognito: only it has an address.
    identity_token_first: bool,
}

impl SignIn {
    fn of(issuer: &Issuer, endpoints: Endpoints) -> Option<Self> {
        Some(Self {
            issuer: issuer.url.as_str().to_owned(),
            client_id: issuer.client.clone()?,
            authorization_endpoint: endpoints.authorization,
            token_endpoint: endpoints.token,
            identity_token_first: issuer.profile == Profile::Cognito,
        })
    }
}

const SETTINGS: Operation<Page> = Operation::page(Route::new(
    Verb::Get,
    "/page/config.json",
    Access::Open,
    |page, request| Box::pin(settings(page, request)),
));

async fn settings(page: &Page, request: Request) -> Result<Response<Body>, Error> {
    Query::of(&request).finish()?;
    let endpoints = page.endpoints().await;
    let issuer = page.app.config.issuer.as_ref();
    respond::ok(&Settings {
        token_issue: page.app.config.token_issue,
        version: page.site()?.hash().to_owned(),
        issuer: issuer
            .zip(endpoints)
            .and_then(|(issuer, endpoints)| SignIn::of(issuer, endpoints)),
    })
}

#[cfg(test)]
mod tests;

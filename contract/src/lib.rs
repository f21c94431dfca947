//! The service's contract as an OpenAPI document, put together from what the functions tell of their routes.

use shared::http::BASE_PATH;
use shared::http::operation::{BEARER, Description, Tag, common_headers};
use shared::sheet::labels;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Paths,
};

/// What a reader has to know before the rest.
const ABOUT: &str = "User accounts, each account's own contacts, and bulk import of accounts from CSV.

A member without a value is `null`, never missing. Times are RFC 3339 in UTC with milliseconds. \
Unknown query parameters and unknown members of a body are refused. Every answer that is not a success \
is a problem document (RFC 9457); its `type` is stable. `x-column-labels` has what the columns of an imported \
file may be called in each language, and the words for true and false.";

/// Returns every operation of the service.
#[must_use]
pub fn operations() -> Vec<Description> {
    [
        users::operations(),
        user::operations(),
        users_bulk::operations(),
        me::operations(),
        contacts::operations(),
        contact::operations(),
        imports::operations(),
        import::operations(),
        dashboard::operations(),
        session::operations(),
        openapi::operations(),
        page::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut paths = Paths::new();
    let mut components = ComponentsBuilder::new();
    for operation in operations().into_iter().filter(|operation| operation.documented) {
        let operation = operation.finished();
        let item = PathItem::new(operation.method(), operation.described);
        paths
            .paths
            .entry(operation.path.to_owned())
            .and_modify(|known| known.merge_operations(item.clone()))
            .or_insert(item);
        components = components
            .schemas_from_iter(operation.schemas)
            .responses_from_iter(operation.problems);
    }
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An access token of this service, or of its issuer if it has one",
        ))
        .build();
    let mut components = components
        .security_scheme(BEARER, SecurityScheme::Http(scheme))
        .build();
    components.headers = common_headers()
        .into_iter()
        .map(|(name, header)| (name, header.into()))
        .collect();
    // Whom to ask is known to the deployment, and not to the code.
    let contact = ContactBuilder::new()
        .name(Some("The operators of this deployment"))
        .build();
    let license = LicenseBuilder::new()
        .name(env!("CARGO_PKG_LICENSE"))
        .identifier(Some(env!("CARGO_PKG_LICENSE")))
        .build();
    let tags = Tag::ALL.map(|tag| {
        TagBuilder::new()
            .name(tag.name())
            .description(Some(tag.about()))
            .build()
    });
    let mut document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Access Service")
                .version("1")
                .description(Some(ABOUT))
                .contact(Some(contact))
                .license(Some(license))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url(BASE_PATH).build()]))
        .security(Some([SecurityRequirement::new(BEARER, [] as [&str; 0])]))
        .tags(Some(tags))
        .paths(paths)
        .components(Some(components))
        .build();
    let published = ExtensionsBuilder::new().add("x-column-labels", labels::published());
    document.extensions = Some(published.build());
    document
}

/// The document as the text that `openapi.json` is.
///
/// # Errors
///
/// If it cannot be written as JSON.
pub fn text() -> Result<String, serde_json::Error> {
    Ok(document().to_pretty_json()? + "\n")
}

//! What an operation answers, told for the OpenAPI document.

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::{
    ContentBuilder, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema, Type,
};

use super::Schemas;
use super::schema::whole;
use crate::http::page::Page;
use crate::http::problem::{Kind, Problem};

/// The name of the schema of the gateway's own answers.
const GATEWAY_MESSAGE: &str = "GatewayMessage";
/// What the gateway answers by itself: status, name, what it means and its message.
pub(super) const GATEWAY: [(&str, &str, &str, &str); 2] = [
    (
        "429",
        "throttled",
        "More requests than the deployment takes; from the gateway",
        "Too Many Requests",
    ),
    (
        "431",
        "headers-too-large",
        "URL and headers of more than 10,240 bytes; from the gateway",
        "Request Header Fields Too Large",
    ),
];

/// An answer of success.
pub struct Answer {
    pub(super) response: ResponseBuilder,
    pub(super) schemas: Schemas,
}

impl Answer {
    /// Without a body.
    #[must_use]
    pub fn empty(about: &str) -> Self {
        Self {
            response: ResponseBuilder::new().description(about),
            schemas: Vec::new(),
        }
    }

    /// `T` as JSON.
    #[must_use]
    pub fn json<T: ToSchema>(about: &str) -> Self {
        Self::named::<T>(&T::name(), about)
    }

    /// A page of `T` as JSON.
    #[must_use]
    pub fn page<T: ToSchema>(about: &str) -> Self {
        let mut page = Self::named::<Page<T>>(&format!("{}Page", T::name()), about);
        // The page refers to its elements, which may be described nowhere else.
        let element = Self::named::<T>(&T::name(), about);
        page.schemas.extend(element.schemas);
        page
    }

    fn named<T: ToSchema>(name: &str, about: &str) -> Self {
        let mut schemas = vec![(name.to_owned(), T::schema())];
        T::schemas(&mut schemas);
        for (_, schema) in &mut schemas {
            whole(schema);
        }
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(name)));
        Self {
            response: ResponseBuilder::new()
                .description(about)
                .content("application/json", content.build()),
            schemas,
        }
    }

    /// A text of another media type.
    #[must_use]
    pub fn text(about: &str, media_type: &str) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let content = ContentBuilder::new().schema(Some(text)).build();
        Self {
            response: ResponseBuilder::new()
                .description(about)
                .content(media_type, content),
            schemas: Vec::new(),
        }
    }

    /// It is `T` as JSON where the caller prefers that.
    #[must_use]
    pub fn or_json<T: ToSchema>(mut self) -> Self {
        let json = Self::json::<T>("");
        self.schemas.extend(json.schemas);
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name())));
        self.response = self.response.content("application/json", content.build());
        self
    }

    /// It has a header.
    #[must_use]
    pub fn header(mut self, name: &str, about: &str) -> Self {
        self.response = self.response.header(name, header(about));
        self
    }

    /// The answer's `id` is what another operation takes as `parameter`.
    #[must_use]
    pub fn leads_to(mut self, operation: &str, parameter: &str) -> Self {
        let link = LinkBuilder::new()
            .operation_id(operation)
            .parameter(parameter, "$response.body#/id");
        self.response = self.response.link(operation, link.build());
        self
    }
}

/// The headers that every answer of a function has, by name.
#[must_use]
pub fn common_headers() -> Vec<(String, Header)> {
    let headers = [
        ("X-Request-Id", "The id of the request, as the log has it"),
        ("Cache-Control", "`no-store`"),
        ("X-Content-Type-Options", "`nosniff`"),
        ("Strict-Transport-Security", "HTTPS only, for a year"),
    ];
    headers
        .into_iter()
        .map(|(name, about)| (name.to_owned(), header(about)))
        .collect()
}

/// Returns the answer of problems of these kinds, which have one status, and its name.
pub(super) fn problem(kinds: &[&Kind]) -> (String, Response) {
    let names: Vec<_> = kinds.iter().map(|kind| name(kind)).collect();
    let titles: Vec<_> = kinds.iter().map(|kind| kind.title).collect();
    // The kinds that a status has are examples and not part of the schema, because generators make a class of every
    // schema without a name.
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Problem::name())))
        .examples_from_iter(kinds.iter().map(|kind| (name(kind), example(kind))))
        .build();
    let mut response = ResponseBuilder::new()
        .description(titles.join(", or "))
        .content("application/problem+json", content);
    let status = kinds[0].status;
    if status == Kind::UNAUTHENTICATED.status {
        response = response.header("WWW-Authenticate", header("`Bearer`"));
    }
    if status == Kind::UNAVAILABLE.status {
        response = response.header("Retry-After", header("Seconds"));
    }
    (names.join("-or-"), with_common_headers(response))
}

/// Returns the last part of a kind's type.
fn name(kind: &Kind) -> &'static str {
    kind.uri.rsplit('/').next().unwrap_or_default()
}

/// Returns a problem of a kind.
fn example(kind: &Kind) -> Example {
    let value = json!({
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status.as_u16(),
        "detail": "What is wrong and what to do, in a sentence",
        "instance": "8f3f0f2c-5a2e-4c1e-9a53-1f0a0f2f4d6b",
    });
    ExampleBuilder::new().value(Some(value)).build()
}

/// Returns what the gateway sends by itself, with its name.
pub(super) fn gateway_message() -> (&'static str, RefOr<Schema>) {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("What is wrong"));
    let message = ObjectBuilder::new()
        .description(Some(
            "An answer of the gateway itself, to a request that reached no function.",
        ))
        .property("message", text)
        .required("message");
    (GATEWAY_MESSAGE, message.into())
}

pub(super) fn of_gateway(about: &str, message: &str) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(GATEWAY_MESSAGE)))
        .example(Some(json!({ "message": message })))
        .build();
    ResponseBuilder::new()
        .description(about)
        .content("application/json", content)
        .build()
}

pub(super) fn with_common_headers(response: ResponseBuilder) -> Response {
    let named = common_headers().into_iter().map(|(name, _)| name);
    named
        .fold(response, |response, name| {
            let header = Ref::new(format!("#/components/headers/{name}"));
            response.header_ref(name, header)
        })
        .build()
}

fn header(about: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(about))
        .build()
}

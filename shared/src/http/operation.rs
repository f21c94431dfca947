//! What a route takes and answers, told for the OpenAPI document.
//!
//! Each function lists its operations beside its handler, from the types, limits and words that the handler
//! itself uses. Only the document asks for these lists, so nothing of them is in a function's binary.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{
    AllOfBuilder, ContentBuilder, Header, HeaderBuilder, HttpMethod, Object, ObjectBuilder, Ref, RefOr,
    Required, Response, ResponseBuilder, Schema, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::etag;
use super::idempotency::{self, MAX_KEY};
use super::page::Page;
use super::problem::{Kind, Problem};
use super::query::{Parameter, Told};
use crate::models::{ContactId, ImportId, UserId};

/// The name that the document gives to the way of showing a token.
pub const BEARER: &str = "bearer";

/// What the gateway answers by itself: status, name, what it means and its message.
const GATEWAY: [(&str, &str, &str, &str); 2] = [
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

/// Schemas by name, for others to refer to.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// One method of one path.
pub struct Operation {
    /// The path, below the base path.
    pub path: &'static str,
    /// The method.
    pub method: HttpMethod,
    /// What it takes and answers.
    pub described: OperationBuilder,
    /// The schemas that it refers to.
    pub schemas: Schemas,
    /// The answers that it refers to, by name.
    pub problems: Vec<(String, Response)>,
    kinds: Vec<&'static Kind>,
}

impl Operation {
    /// An operation with what follows from its path and method, and with the problems that any of them may
    /// end in.
    #[must_use]
    pub fn new(method: HttpMethod, path: &'static str, id: &str, summary: &str) -> Self {
        let described = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(summary));
        let mut operation = Self {
            path,
            described,
            schemas: Vec::new(),
            problems: Vec::new(),
            kinds: vec![
                &Kind::MALFORMED,
                &Kind::UNAUTHENTICATED,
                &Kind::NOT_ACCEPTABLE,
                &Kind::INTERNAL,
                &Kind::UNAVAILABLE,
            ],
            method,
        };
        for segment in path.split('/') {
            if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                operation = match name {
                    "userId" => operation.id::<UserId>(name),
                    "importId" => operation.id::<ImportId>(name),
                    _ => operation.id::<ContactId>(name),
                };
            }
        }
        if operation.method == HttpMethod::Post {
            let key = ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(MAX_KEY))
                .pattern(Some("^[ -~]+$"));
            let about = "The same request with the same key gets the same answer for 24 hours";
            operation = operation
                .header(idempotency::NAME, about, key)
                .fails(&[&Kind::IN_PROGRESS, &Kind::INVALID]);
        }
        operation
    }

    fn id<T: ToSchema>(mut self, name: &str) -> Self {
        self.schemas.push((T::name().into_owned(), T::schema()));
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(Ref::from_schema_name(T::name())));
        self.described = self.described.parameter(parameter);
        self.fails(&[&Kind::NOT_FOUND])
    }

    /// What else there is to know of it.
    #[must_use]
    pub fn about(mut self, about: &str) -> Self {
        self.described = self.described.description(Some(about));
        self
    }

    /// It takes a query parameter.
    #[must_use]
    pub fn query(self, parameter: &Parameter<impl Told>) -> Self {
        self.parameter(ParameterIn::Query, Required::False, parameter)
    }

    /// It takes a query parameter that must be there.
    #[must_use]
    pub fn required_query(self, parameter: &Parameter<impl Told>) -> Self {
        self.parameter(ParameterIn::Query, Required::True, parameter)
    }

    fn parameter(mut self, place: ParameterIn, required: Required, parameter: &Parameter<impl Told>) -> Self {
        let parameter = ParameterBuilder::new()
            .name(parameter.name)
            .parameter_in(place)
            .required(required)
            .description(Some(parameter.about))
            .schema(Some(parameter.kind.schema()));
        self.described = self.described.parameter(parameter);
        self
    }

    /// It takes a header.
    #[must_use]
    pub fn header(mut self, name: &str, about: &str, schema: ObjectBuilder) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(about))
            .schema(Some(schema));
        self.described = self.described.parameter(parameter);
        self
    }

    /// It takes `If-Match`.
    #[must_use]
    pub fn if_match(self) -> Self {
        let tags = ObjectBuilder::new()
            .schema_type(Type::String)
            .examples([etag::of(0), "*".to_owned()]);
        self.header("If-Match", "The `ETag` of the record as it was read", tags)
            .fails(&[&Kind::PRECONDITION_FAILED])
    }

    /// It takes `T` as JSON, told under `name` after `rules` have been put on it. No other member is taken.
    #[must_use]
    pub fn json<T: ToSchema>(self, name: &str, rules: impl FnOnce(&mut Object), example: Value) -> Self {
        self.body::<T>("application/json", name, rules, example).fails(&[
            &Kind::TOO_LARGE,
            &Kind::UNSUPPORTED_MEDIA_TYPE,
            &Kind::INVALID,
        ])
    }

    /// It takes `T` as a form, told as [`Operation::json`] does.
    #[must_use]
    pub fn form<T: ToSchema>(self, name: &str, rules: impl FnOnce(&mut Object), example: Value) -> Self {
        self.body::<T>("multipart/form-data", name, rules, example)
            .fails(&[&Kind::TOO_LARGE, &Kind::UNSUPPORTED_MEDIA_TYPE, &Kind::INVALID])
    }

    fn body<T: ToSchema>(
        mut self,
        media_type: &str,
        name: &str,
        rules: impl FnOnce(&mut Object),
        example: Value,
    ) -> Self {
        let mut object = closed::<T>();
        rules(&mut object);
        T::schemas(&mut self.schemas);
        self.schemas.push((name.to_owned(), object.into()));
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(name)))
            .example(Some(example));
        let body = RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content(media_type, content.build());
        self.described = self.described.request_body(Some(body.build()));
        self
    }

    /// Its body refers to `T` as `name`.
    #[must_use]
    pub fn schema<T: ToSchema>(mut self, name: &str) -> Self {
        T::schemas(&mut self.schemas);
        self.schemas.push((name.to_owned(), closed::<T>().into()));
        self
    }

    /// It may do without the body.
    #[must_use]
    pub fn body_is_optional(mut self) -> Self {
        let mut operation = self.described.build();
        if let Some(RefOr::T(body)) = operation.request_body.as_mut() {
            body.required = Some(Required::False);
        }
        self.described = operation.into();
        self
    }

    /// It succeeds with `answer`.
    #[must_use]
    pub fn answers(mut self, status: u16, answer: Answer) -> Self {
        self.schemas.extend(answer.schemas);
        self.described = self
            .described
            .response(status.to_string(), with_common_headers(answer.response));
        self
    }

    /// It fails in these ways as well.
    #[must_use]
    pub fn fails(mut self, kinds: &[&'static Kind]) -> Self {
        self.kinds.extend(kinds);
        self
    }

    /// It takes no token.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.kinds.retain(|kind| kind.uri != Kind::UNAUTHENTICATED.uri);
        self.described = self.described.securities(Some([]));
        self
    }

    /// The operation with all its answers, ready for the document.
    #[must_use]
    pub fn finished(mut self) -> Self {
        self.schemas
            .push((Problem::name().into_owned(), Problem::schema()));
        Problem::schemas(&mut self.schemas);
        let mut kinds = std::mem::take(&mut self.kinds);
        kinds.sort_by_key(|kind| (kind.status, kind.uri));
        kinds.dedup_by_key(|kind| kind.uri);
        for alike in kinds.chunk_by(|one, other| one.status == other.status) {
            let (name, response) = problem(alike);
            self.described = self
                .described
                .response(alike[0].status.as_str(), Ref::from_response_name(&name));
            self.problems.push((name, response));
        }
        for (status, name, about, message) in GATEWAY {
            self.described = self.described.response(status, Ref::from_response_name(name));
            self.problems.push((name.to_owned(), of_gateway(about, message)));
        }
        self
    }
}

/// An answer of success.
pub struct Answer {
    response: ResponseBuilder,
    schemas: Schemas,
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
        Self::named::<Page<T>>(&format!("{}Page", T::name()), about)
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
        ("X-Request-Id", "The id under which the log knows the request"),
        ("Cache-Control", "`no-store`"),
        ("X-Content-Type-Options", "`nosniff`"),
    ];
    headers
        .into_iter()
        .map(|(name, about)| (name.to_owned(), header(about)))
        .collect()
}

/// The members of `T`, which is a struct.
#[must_use]
pub fn members<T: PartialSchema>() -> Object {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}

/// An object without members, to be sent or answered.
#[derive(Serialize, ToSchema)]
pub struct Nothing {}

/// Adds a member to `object`.
pub fn add(object: &mut Object, name: &str, member: impl Into<RefOr<Schema>>) {
    object.properties.insert(name.to_owned(), member.into());
}

/// Adds the members `names` of `T` to `object`, as members that are given by the service.
pub fn add_read_only<T: PartialSchema>(object: &mut Object, names: &[&str]) {
    for (name, member) in members::<T>().properties {
        if names.contains(&name.as_str()) {
            let read_only = ObjectBuilder::new()
                .read_only(true)
                .schema_type(SchemaType::AnyValue);
            let member = AllOfBuilder::new().item(member).item(read_only);
            object.properties.insert(name, member.into());
        }
    }
}

/// Lets the members `names` of `object` be `null`.
pub fn nullable(object: &mut Object, names: &[&str]) {
    for name in names {
        if let Some(RefOr::T(Schema::Object(member))) = object.properties.get_mut(*name)
            && let SchemaType::Type(kind) = &member.schema_type
        {
            member.schema_type = SchemaType::from_iter([kind.clone(), Type::Null]);
        } else if let Some(member) = object.properties.get_mut(*name) {
            let null = ObjectBuilder::new().schema_type(Type::Null);
            *member = utoipa::openapi::OneOfBuilder::new()
                .item(null)
                .item(member.clone())
                .into();
        }
    }
}

/// `T`, without any other member. What `T` is to the code is not what it is to the sender.
fn closed<T: PartialSchema>() -> Object {
    let mut object = members::<T>();
    object.description = None;
    object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    object
}

/// Demands every member of an answer: one without a value is `null`, never missing.
fn whole(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(whole),
        _ => {}
    }
}

/// The answer that tells of problems of these kinds, which have one status.
fn problem(kinds: &[&Kind]) -> (String, Response) {
    let name = |kind: &Kind| kind.uri.rsplit('/').next().unwrap_or_default().to_owned();
    let names: Vec<_> = kinds.iter().map(|kind| name(kind)).collect();
    let titles: Vec<_> = kinds.iter().map(|kind| kind.title).collect();
    let status = kinds[0].status.as_u16();
    let one_of = |kind, values: Vec<Value>| ObjectBuilder::new().schema_type(kind).enum_values(Some(values));
    let told = ObjectBuilder::new()
        .property(
            "type",
            one_of(Type::String, kinds.iter().map(|kind| kind.uri.into()).collect()),
        )
        .property("status", one_of(Type::Integer, vec![status.into()]));
    let example = json!({
        "type": kinds[0].uri,
        "title": kinds[0].title,
        "status": status,
        "detail": "What is wrong and what to do, in a sentence",
        "instance": "8f3f0f2c-5a2e-4c1e-9a53-1f0a0f2f4d6b",
    });
    let content = ContentBuilder::new()
        .schema(Some(
            AllOfBuilder::new()
                .item(Ref::from_schema_name(Problem::name()))
                .item(told),
        ))
        .example(Some(example))
        .build();
    let mut response = ResponseBuilder::new()
        .description(titles.join(", or "))
        .content("application/problem+json", content);
    if status == Kind::UNAUTHENTICATED.status {
        response = response.header("WWW-Authenticate", header("`Bearer`"));
    }
    if status == Kind::UNAVAILABLE.status {
        response = response.header("Retry-After", header("Seconds"));
    }
    (names.join("-or-"), with_common_headers(response))
}

fn of_gateway(about: &str, message: &str) -> Response {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let content = ContentBuilder::new()
        .schema(Some(ObjectBuilder::new().property("message", text)))
        .example(Some(json!({ "message": message })))
        .build();
    ResponseBuilder::new()
        .description(about)
        .content("application/json", content)
        .build()
}

fn with_common_headers(response: ResponseBuilder) -> Response {
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

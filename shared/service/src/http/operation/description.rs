//! What an operation takes and answers, for the OpenAPI document.

use roster::{ContactId, ImportId, UserId};
use serde_json::Value;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, Object, ObjectBuilder, Ref, RefOr, Required, Response, Schema, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::answer::{Answer, GATEWAY, gateway_message, of_gateway, problem, with_common_headers};
use super::schema::closed;
use super::{Access, Route, Tag, Verb};
use crate::http::etag;
use crate::http::idempotency::{self, MAX_KEY};
use crate::http::problem::{Kind, Problem};
use crate::http::query::{Described, Parameter};

/// The name that the document gives to the way of showing a token.
pub const BEARER: &str = "bearer";

/// Schemas by name, for others to refer to.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// The description of one operation.
pub struct Description {
    /// The path as the template has it, below the base path if it lies there.
    pub path: &'static str,
    /// The method.
    pub verb: Verb,
    /// Who may call it.
    pub access: Access,
    /// The media types that a success may have.
    pub produces: &'static [&'static str],
    /// Whether the document has it.
    pub documented: bool,
    /// What it takes and answers.
    pub described: OperationBuilder,
    /// The schemas that it refers to.
    pub schemas: Schemas,
    /// The answers that it refers to, by name.
    pub problems: Vec<(String, Response)>,
    kinds: Vec<&'static Kind>,
}

impl Description {
    /// Describes what follows from the route, with the problems that any operation may end in.
    pub(super) fn new<A>(route: &Route<A>, tag: Tag, id: &str, summary: &str) -> Self {
        let Route {
            verb,
            path,
            access,
            produces,
            ..
        } = *route;
        let described = OperationBuilder::new()
            .tag(tag.name())
            .operation_id(Some(id))
            .summary(Some(summary));
        let mut operation = Self {
            path,
            verb,
            access,
            produces,
            documented: true,
            described,
            schemas: Vec::new(),
            problems: Vec::new(),
            kinds: vec![
                &Kind::MALFORMED,
                &Kind::NOT_ACCEPTABLE,
                &Kind::INTERNAL,
                &Kind::UNAVAILABLE,
            ],
        };
        operation = match access {
            Access::Open => {
                operation.described = operation.described.securities(Some([]));
                operation
            }
            Access::SignedIn => operation.fails(&[&Kind::UNAUTHENTICATED]),
            Access::Right(_) => operation.fails(&[&Kind::UNAUTHENTICATED, &Kind::FORBIDDEN]),
        };
        for segment in path.split('/') {
            if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                operation = match name {
                    "userId" => operation.id::<UserId>(name, "The user's id"),
                    "importId" => operation.id::<ImportId>(name, "The import's id"),
                    _ => operation.id::<ContactId>(name, "The contact's id"),
                };
            }
        }
        if route.is_keyed() {
            let key = ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(MAX_KEY))
                .pattern(Some("^[ -~]+$"));
            let about =
                "The same request with the same key and access token gets the same answer for 24 hours";
            operation = operation
                .header(idempotency::NAME, about, key)
                .fails(&[&Kind::IN_PROGRESS, &Kind::INVALID]);
        }
        operation
    }

    /// The document leaves it out.
    pub(super) fn undocumented(self) -> Self {
        Self {
            documented: false,
            ..self
        }
    }

    /// Returns the method in the terms of the document.
    #[must_use]
    pub fn method(&self) -> HttpMethod {
        match self.verb {
            Verb::Get => HttpMethod::Get,
            Verb::Post => HttpMethod::Post,
            Verb::Put => HttpMethod::Put,
            Verb::Delete => HttpMethod::Delete,
        }
    }

    fn id<T: ToSchema>(mut self, name: &str, about: &str) -> Self {
        self.schemas.push((T::name().into_owned(), T::schema()));
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(about))
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
    pub fn query(self, parameter: &Parameter<impl Described>) -> Self {
        self.parameter(ParameterIn::Query, Required::False, parameter)
    }

    /// It takes a query parameter that must be there.
    #[must_use]
    pub fn required_query(self, parameter: &Parameter<impl Described>) -> Self {
        self.parameter(ParameterIn::Query, Required::True, parameter)
    }

    fn parameter(
        mut self,
        place: ParameterIn,
        required: Required,
        parameter: &Parameter<impl Described>,
    ) -> Self {
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

    /// It takes `T` as a form, told as [`Description::json`] does.
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
        let (name, schema) = gateway_message();
        self.schemas.push((name.to_owned(), schema));
        for (status, name, about, message) in GATEWAY {
            self.described = self.described.response(status, Ref::from_response_name(name));
            self.problems.push((name.to_owned(), of_gateway(about, message)));
        }
        self
    }
}

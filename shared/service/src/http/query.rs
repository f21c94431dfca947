//! Query parameters, read strictly: none twice, none unknown, none out of range.

use errors::Error;
use lambda_http::{Request, RequestExt};
use roster::{Code, ImportId, InvalidTimestamp, Timestamp, Violation};
use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// A parameter that a route takes: its name, what it means, and what it may be.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<K> {
    /// The name.
    pub name: &'static str,
    /// What it means to the caller.
    pub about: &'static str,
    /// What it may be.
    pub kind: K,
}

/// A whole number.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
    /// What it is when it is left out; `None` if that is not the same as any number.
    pub default: Option<u64>,
}

/// Any text of a length.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// The most characters.
    pub max: usize,
}

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub struct Time;

/// One of some words, each with what it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Choice<T: 'static> {
    /// The words.
    pub words: &'static [(&'static str, T)],
    /// The word that it is when it is left out.
    pub default: Option<&'static str>,
}

impl Choice<bool> {
    /// `true` or `false`, and neither when it is left out.
    pub const FLAG: Self = Self {
        words: &[("true", true), ("false", false)],
        default: None,
    };
}

/// How a kind of parameter is told in the OpenAPI document.
pub trait Described {
    /// Its schema.
    fn schema(&self) -> ObjectBuilder;
}

impl Described for Number {
    fn schema(&self) -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(self.min))
            .maximum(Some(self.max))
            .default(self.default.map(Into::into))
    }
}

impl Described for Text {
    fn schema(&self) -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(self.max))
    }
}

impl Described for Time {
    fn schema(&self) -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
    }
}

impl<T> Described for Choice<T> {
    fn schema(&self) -> ObjectBuilder {
        let words = self.words.iter().map(|(word, _)| *word);
        // A query writes the words of a flag as JSON does, so clients get a truth value.
        if words.clone().eq(["true", "false"]) {
            return ObjectBuilder::new()
                .schema_type(Type::Boolean)
                .default(self.default.map(|word| (word == "true").into()));
        }
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .default(self.default.map(Into::into))
    }
}

/// The parameters of a request, taken one by one; [`Query::finish`] returns every fault at once.
#[derive(Debug)]
pub struct Query {
    parameters: Vec<(String, String)>,
    faults: Vec<Violation>,
}

impl Query {
    /// The query parameters of `request`, percent-decoded.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let mut query = Self {
            parameters: Vec::new(),
            faults: Vec::new(),
        };
        for (name, value) in request
            .query_string_parameters_ref()
            .into_iter()
            .flat_map(|map| map.iter())
        {
            if query.parameters.iter().any(|(known, _)| known == name) {
                query.fault(name, Code::Repeated, "is given more than once");
            } else {
                query.parameters.push((name.to_owned(), value.to_owned()));
            }
        }
        query
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.parameters.iter().position(|(known, _)| known == name)?;
        Some(self.parameters.swap_remove(index).1)
    }

    /// The id of an import.
    pub fn import_id(&mut self, parameter: &Parameter<Text>) -> Option<ImportId> {
        let text = self.text(parameter)?;
        let id = text.parse().ok();
        if id.is_none() {
            let detail = "is not the id of an import: 32 hexadecimal digits";
            self.fault(parameter.name, Code::InvalidFormat, detail);
        }
        id
    }

    /// The parameter as it was sent.
    pub fn text(&mut self, parameter: &Parameter<Text>) -> Option<String> {
        let Parameter { name, kind, .. } = parameter;
        let text = self.take(name)?;
        if text.chars().nth(kind.max).is_some() {
            let detail = format!("must have at most {} characters", kind.max);
            self.fault(name, Code::OutOfRange, detail);
            return None;
        }
        Some(text)
    }

    /// The parameter as a point in time.
    pub fn time(&mut self, parameter: &Parameter<Time>) -> Option<Timestamp> {
        let text = self.take(parameter.name)?;
        match Timestamp::of_caller(&text) {
            Ok(time) => Some(time),
            Err(error) => {
                self.fault(
                    parameter.name,
                    Code::InvalidFormat,
                    InvalidTimestamp::to_string(&error),
                );
                None
            }
        }
    }

    /// The parameter as a whole number within its limits, or its default if it was not sent.
    pub fn number(&mut self, parameter: &Parameter<Number>) -> Option<u64> {
        let Parameter {
            name,
            kind: Number { min, max, default },
            ..
        } = parameter;
        let Some(text) = self.take(name) else {
            return *default;
        };
        match text.parse() {
            Ok(number)
                if (*min..=*max).contains(&number) && text.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                Some(number)
            }
            _ => {
                let detail = format!("must be a whole number from {min} to {max}");
                self.fault(name, Code::OutOfRange, detail);
                None
            }
        }
    }

    /// What the parameter's word stands for, or its default's if it was not sent.
    pub fn choice<T: Copy>(&mut self, parameter: &Parameter<Choice<T>>) -> Option<T> {
        let Parameter { name, kind, .. } = parameter;
        let sent = self.take(name);
        let word = sent.as_deref().or(kind.default)?;
        let chosen = kind.words.iter().find(|(known, _)| *known == word);
        if chosen.is_none() {
            let words: Vec<_> = kind.words.iter().map(|(word, _)| *word).collect();
            self.fault(
                name,
                Code::InvalidFormat,
                format!("must be one of {}", words.join(", ")),
            );
        }
        chosen.map(|(_, value)| *value)
    }

    /// As [`Query::choice`], for a parameter that must be sent.
    pub fn required<T: Copy>(&mut self, parameter: &Parameter<Choice<T>>) -> Option<T> {
        if !self.parameters.iter().any(|(known, _)| known == parameter.name) {
            self.fault(parameter.name, Code::Required, "is required");
        }
        self.choice(parameter)
    }

    /// Records a fault of the parameter `name` that only the caller of this module can see.
    pub fn fault(&mut self, name: &str, code: Code, detail: impl Into<String>) {
        self.faults
            .push(Violation::new(Violation::step(name), code, detail));
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] naming every parameter that is repeated, out of range or that nobody took.
    pub fn finish(mut self) -> Result<(), Error> {
        for (name, _) in std::mem::take(&mut self.parameters) {
            self.fault(&name, Code::UnknownMember, "is not a parameter of this request");
        }
        match self.faults.first() {
            None => Ok(()),
            Some(first) => Err(Error::Malformed {
                detail: format!("the query parameter {}", first.message()).into(),
                violations: self.faults,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use lambda_http::Body;
    use lambda_http::http::Request as HttpRequest;

    use super::*;
    use crate::http::page::{LIMIT, OFFSET, SEARCH_TEXT};

    const ENABLED: Parameter<Choice<bool>> = Parameter {
        name: "enabled",
        about: "",
        kind: Choice::FLAG,
    };

    fn query(text: &str) -> Query {
        let parameters: HashMap<String, Vec<String>> = text
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .fold(HashMap::new(), |mut parameters, (name, value)| {
                let values: &mut Vec<String> = parameters.entry(name.to_owned()).or_default();
                values.push(value.to_owned());
                parameters
            });
        let request = HttpRequest::builder().body(Body::Empty).unwrap();
        Query::of(&request.with_query_string_parameters(parameters))
    }

    #[test]
    fn parameters_are_typed() {
        let mut query = query("searchText=a+b c&limit=7&enabled=false");

        assert_eq!(query.text(&SEARCH_TEXT).as_deref(), Some("a+b c"));
        assert_eq!(query.number(&LIMIT), Some(7));
        assert_eq!(query.choice(&ENABLED), Some(false));
        assert!(query.finish().is_ok());
    }

    #[test]
    fn every_fault_names_its_parameter() {
        let long = "x".repeat(SEARCH_TEXT.kind.max + 1);
        let mut query = query(&format!(
            "limit=101&enabled=yes&nope=1&offset=1&offset=2&cursor=+5&searchText={long}"
        ));
        query.number(&LIMIT);
        query.number(&Parameter {
            name: "cursor",
            ..OFFSET
        });
        query.choice(&ENABLED);
        query.number(&OFFSET);
        query.text(&SEARCH_TEXT);

        let Err(Error::Malformed { violations, .. }) = query.finish() else {
            panic!("the query was taken");
        };
        let mut named: Vec<_> = violations.iter().map(|fault| fault.place.path()).collect();
        named.sort_unstable();
        assert_eq!(
            named,
            ["cursor", "enabled", "limit", "nope", "offset", "searchText"]
        );
    }

    #[test]
    fn what_is_left_out_is_its_default() {
        let words = Choice {
            default: Some("false"),
            ..Choice::FLAG
        };
        let mut query = query("limit=100");

        assert_eq!(query.text(&SEARCH_TEXT), None);
        assert_eq!(query.number(&LIMIT), Some(100));
        assert_eq!(query.number(&LIMIT), LIMIT.kind.default);
        assert_eq!(query.choice(&ENABLED), None);
        assert_eq!(
            query.choice(&Parameter {
                kind: words,
                ..ENABLED
            }),
            Some(false)
        );
        assert_eq!(query.required(&ENABLED), None);
        let Err(Error::Malformed { violations, .. }) = query.finish() else {
            panic!("the query was taken");
        };
        assert_eq!(
            violations.iter().map(|fault| fault.code).collect::<Vec<_>>(),
            [Code::Required]
        );
    }
}

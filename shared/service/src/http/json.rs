//! JSON bodies, read strictly: one object, no member twice, none that is not asked for.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use errors::Error;
use lambda_http::Request;
use lambda_http::http::header::CONTENT_TYPE;
use roster::{Code, Given, Violation};
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::http::header;

/// The longest JSON body that is read: 1 MiB, more than a hundred contacts with the longest values have.
pub const MAX_BODY: usize = 1024 * 1024;

/// The most values of a JSON body, at all depths: each may have a fault, and each fault is told.
pub const MAX_VALUES: usize = 10_000;

/// A JSON object of a request, whose members are taken one by one.
#[derive(Clone, Debug, Default)]
pub struct Object {
    members: Map<String, Value>,
}

/// The request's body as one JSON object.
///
/// # Errors
///
/// [`Error::UnsupportedMediaType`] if it is not sent as JSON, [`Error::TooLarge`] over [`MAX_BODY`],
/// [`Error::Malformed`] if it is not one object, has a member twice or more than [`MAX_VALUES`] values, or is
/// nested beyond 128 levels.
pub fn object(request: &Request) -> Result<Object, Error> {
    object_of(request, MAX_VALUES)
}

/// As [`object`], of at most `max_values` values.
///
/// # Errors
///
/// As [`object`].
pub fn object_of(request: &Request, max_values: usize) -> Result<Object, Error> {
    let media_type = header(request, &CONTENT_TYPE)
        .and_then(|value| value.split(';').next())
        .map(|name| name.trim().to_ascii_lowercase());
    let body: &[u8] = request.body();
    match media_type.as_deref() {
        Some(name)
            if name == "application/json"
                || (name.starts_with("application/") && name.ends_with("+json")) => {}
        None if body.is_empty() => {}
        _ => return Err(Error::UnsupportedMediaType("application/json")),
    }
    if body.len() > MAX_BODY {
        return Err(Error::TooLarge(Cow::Owned(format!(
            "a JSON body may have at most {MAX_BODY} bytes"
        ))));
    }
    if body.is_empty() {
        return Err(Error::malformed("send a JSON object as the body"));
    }
    let left = Cell::new(max_values + 1);
    match read(body, &left) {
        Ok(Value::Object(members)) => Ok(Object { members }),
        Ok(_) => Err(Error::malformed("the body must be a JSON object")),
        Err(_) if left.get() == 0 => Err(Error::malformed(format!(
            "the body has more than {max_values} values"
        ))),
        Err(error) => Err(Error::malformed(format!(
            "the body is not valid JSON: {} at line {}, column {}",
            fault(&error),
            error.line(),
            error.column()
        ))),
    }
}

/// The one JSON object that `text` is, if no object in it has a member twice.
pub(crate) fn strict(text: &[u8]) -> Option<Map<String, Value>> {
    match read(text, &Cell::new(MAX_VALUES + 1)) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// The one JSON value that `text` is, of fewer values than are `left`; none are left if it has more.
fn read(text: &[u8], left: &Cell<usize>) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = Strict { left }.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// As [`object`], but no body at all is an object without members.
///
/// # Errors
///
/// As [`object`].
pub fn object_or_nothing(request: &Request) -> Result<Object, Error> {
    if request.body().is_empty() {
        Ok(Object::default())
    } else {
        object(request)
    }
}

/// What is wrong with a body, in words of ours: the parser's own may repeat what was sent.
fn fault(error: &serde_json::Error) -> &'static str {
    if error.is_eof() {
        "it ends too early"
    } else if error.is_data() {
        "a member is repeated"
    } else {
        "syntax error"
    }
}

impl Object {
    /// Removes the member `name` and gives its value.
    pub fn take(&mut self, name: &str) -> Given<'static> {
        self.members.remove(name).map_or(Given::Absent, given)
    }

    /// Removes the member `name` and gives its value as JSON, whatever it is.
    pub fn take_json(&mut self, name: &str) -> Given<'static> {
        match self.members.remove(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(value) => Given::Text(value.to_string().into()),
        }
    }

    /// Removes the member `name`, which must be an array, and gives its elements in order: the objects
    /// that they have to be, or the fault of one that is none.
    ///
    /// # Errors
    ///
    /// The fault of the member, if it is not an array.
    pub fn take_objects(&mut self, name: &str) -> Result<Vec<Result<Object, Violation>>, Violation> {
        let elements = match self.members.remove(name) {
            None | Some(Value::Null) => return Err(Violation::new(name, Code::Required, "is required")),
            Some(Value::Array(elements)) => elements,
            Some(_) => return Err(Violation::new(name, Code::InvalidFormat, "must be an array")),
        };
        let elements = elements.into_iter().enumerate();
        Ok(elements
            .map(|(index, element)| match element {
                Value::Object(members) => Ok(Object { members }),
                _ => Err(Violation::new(
                    format!("{name}/{index}"),
                    Code::InvalidFormat,
                    "must be an object",
                )),
            })
            .collect())
    }

    /// A fault for each member that nobody took, save those of `read_only` that have the value that they
    /// have in `present`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if `present` cannot be written as JSON.
    pub fn foreign_members(
        mut self,
        read_only: &[&'static str],
        present: &impl Serialize,
    ) -> Result<Vec<Violation>, Error> {
        let present =
            serde_json::to_value(present).map_err(|error| Error::internal("compare members", error))?;
        let mut faults = Vec::new();
        for name in read_only {
            if let Some(given) = self.members.remove(*name)
                && present.get(name) != Some(&given)
            {
                faults.push(Violation::new(*name, Code::ReadOnly, "is given by the service"));
            }
        }
        faults.extend(self.unknown_members());
        Ok(faults)
    }

    /// A fault for each member that nobody took.
    #[must_use]
    pub fn unknown_members(&self) -> Vec<Violation> {
        self.members
            .keys()
            .map(|name| {
                Violation::new(
                    Violation::step(name),
                    Code::UnknownMember,
                    "is not a member of this request",
                )
            })
            .collect()
    }
}

fn given(value: Value) -> Given<'static> {
    match value {
        Value::Null => Given::Null,
        Value::Bool(flag) => Given::Flag(flag),
        Value::String(text) => Given::Text(Cow::Owned(text)),
        Value::Number(number) => number.as_i64().map_or(Given::Other, Given::Number),
        Value::Array(elements) => Given::List(elements.into_iter().map(given).collect()),
        Value::Object(_) => Given::Other,
    }
}

/// Reads a JSON value in which no object has a member twice.
///
/// JSON leaves open which of two equal members counts (RFC 8259, 4), so that two readers of one body
/// may see different requests.
#[derive(Clone, Copy)]
struct Strict<'a> {
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1).filter(|left| *left > 0);
        self.left.set(left.unwrap_or_default());
        left.ok_or_else(|| D::Error::custom("too many values"))?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("repeated member"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;
    use lambda_http::http::Request as HttpRequest;

    use super::*;

    fn read(body: &str) -> Result<Object, Error> {
        object(
            &HttpRequest::builder()
                .header(CONTENT_TYPE, "application/json; charset=utf-8")
                .body(Body::from(body))
                .unwrap(),
        )
    }

    #[test]
    fn members_are_taken_with_their_kind() {
        let mut body = read(r#"{"a": null, "b": "x", "c": true, "d": 7, "e": ["y"], "f": 1.5}"#).unwrap();

        assert_eq!(body.take("a"), Given::Null);
        assert_eq!(body.take("b"), Given::from("x"));
        assert_eq!(body.take("c"), Given::Flag(true));
        assert_eq!(body.take("d"), Given::Number(7));
        assert_eq!(body.take("e"), Given::List(vec![Given::from("y")]));
        assert_eq!(body.take("f"), Given::Other);
        assert_eq!(body.take("g"), Given::Absent);
        assert!(body.unknown_members().is_empty());
    }

    #[test]
    fn members_nobody_took_are_named() {
        let body = read(r#"{"emial": "x"}"#).unwrap();

        assert_eq!(body.unknown_members()[0].place.path(), "emial");
    }

    #[test]
    fn what_is_not_one_object_without_repeats_is_malformed() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "x",
            "[]",
            "7",
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":"#,
            &deep,
        ] {
            assert!(matches!(read(body), Err(Error::Malformed { .. })), "{body:.20}");
        }
    }

    #[test]
    fn a_body_has_so_many_values_and_no_more() {
        let with = |values: usize| read(&format!(r#"{{"a":[{}0]}}"#, "0,".repeat(values - 3)));

        assert!(with(MAX_VALUES).is_ok());
        let Err(Error::Malformed { detail, .. }) = with(MAX_VALUES + 1) else {
            panic!("the body was taken");
        };
        assert_eq!(detail, "the body has more than 10000 values");
    }

    #[test]
    fn another_media_type_is_refused() {
        let request = HttpRequest::builder()
            .header(CONTENT_TYPE, "text/plain")
            .body(Body::from("{}"))
            .unwrap();

        assert!(matches!(object(&request), Err(Error::UnsupportedMediaType(_))));
    }

    #[test]
    fn a_body_over_the_limit_is_refused_unread() {
        let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_BODY));

        assert!(matches!(read(&body), Err(Error::TooLarge(_))));
    }
}

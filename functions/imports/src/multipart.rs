//! `multipart/form-data` bodies (RFC 7578): one file and a few short fields.

use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use lambda_http::http::header::CONTENT_TYPE;
use lambda_http::{Body, Request};
use multer::{Field, Multipart};
use shared::Error;
use shared::http::{form_boundary, header};
use shared::roster::{Code, FileName, Violation};
use shared::sheet::ColumnMapping;

/// How a part is encoded in a mail. RFC 7578 does away with it for forms.
const CONTENT_TRANSFER_ENCODING: &str = "content-transfer-encoding";
/// The longest field beside the file but for `columns`, in bytes: far longer than any option is.
const MAX_FIELD: usize = 1024;
/// The most parts of a form: about twice as many as there are options.
const MAX_PARTS: usize = 32;

/// A form with one file.
#[derive(Debug)]
pub(crate) struct Form {
    /// The name that the client gave the file, if any.
    pub(crate) file_name: Option<FileName>,
    /// The file's bytes.
    pub(crate) file: Bytes,
    fields: Vec<(String, String)>,
}

impl Form {
    /// Removes the field `name`; blank is the same as left out.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.fields.iter().position(|(known, _)| known == name)?;
        let value = self.fields.swap_remove(index).1;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A fault for each field that nobody took.
    #[must_use]
    pub(crate) fn unknown_fields(&self) -> Vec<Violation> {
        self.fields
            .iter()
            .map(|(name, _)| {
                Violation::new(
                    name.as_str(),
                    Code::UnknownMember,
                    "is not a part of this request",
                )
            })
            .collect()
    }
}

/// The request's body as a form with the part `file`.
///
/// # Errors
///
/// [`Error::UnsupportedMediaType`] if it is not a form; [`Error::Malformed`] if its boundary is missing
/// or does not fit the body, if there is no part `file` or more than one, or if a part is repeated, has
/// no name or is too long.
pub(crate) async fn form(request: Request) -> Result<Form, Error> {
    let mut parts = parts_of(request)?;
    let mut file = None;
    let mut fields: Vec<(String, String)> = Vec::new();
    for _ in 0..=MAX_PARTS {
        let Some(part) = parts.next_field().await.map_err(unreadable)? else {
            let (file_name, file) = file.ok_or_else(|| {
                Error::malformed("the form has no part \"file\"; send the CSV file in a part of that name")
            })?;
            return Ok(Form {
                file_name,
                file,
                fields,
            });
        };
        let name = Violation::step(part.name().unwrap_or_default());
        let file_name = part.file_name().and_then(FileName::clipped);
        let as_it_is = is_as_it_is(&part);
        let content = part.bytes().await.map_err(unreadable)?;
        if name.is_empty() {
            return Err(Error::malformed("a part of the form has no name"));
        }
        if !as_it_is {
            let detail = "has a Content-Transfer-Encoding; send it as it is";
            return Err(refused(name, Code::InvalidFormat, detail));
        }
        if name == "file" {
            if file.replace((file_name, content)).is_some() {
                return Err(Error::malformed(
                    "the form has more than one part \"file\"; send one file a request",
                ));
            }
            continue;
        }
        if fields.iter().any(|(known, _)| *known == name) {
            return Err(refused(name, Code::Repeated, "is given more than once"));
        }
        fields.push(field(name, content)?);
    }
    Err(Error::malformed(format!(
        "the form has more than {MAX_PARTS} parts"
    )))
}

/// The parts of the request's form.
fn parts_of(request: Request) -> Result<Multipart<'static>, Error> {
    let content_type = header(&request, &CONTENT_TYPE).unwrap_or_default().to_owned();
    let is_form = content_type
        .split(';')
        .next()
        .is_some_and(|name| name.trim().eq_ignore_ascii_case("multipart/form-data"));
    if !is_form {
        return Err(Error::UnsupportedMediaType(
            "multipart/form-data with the file in the part \"file\"",
        ));
    }
    let boundary = form_boundary(&content_type).ok_or_else(|| {
        Error::malformed("the Content-Type has no boundary; let the HTTP client set this header")
    })?;
    let body = match request.into_body() {
        Body::Text(text) => Bytes::from(text),
        Body::Binary(bytes) => Bytes::from(bytes),
        _ => Bytes::new(),
    };
    Ok(Multipart::new(
        stream::iter([Ok::<_, Infallible>(body)]),
        boundary,
    ))
}

/// Whether the content of a part is sent without an encoding of its own.
fn is_as_it_is(part: &Field<'_>) -> bool {
    let encoding = part.headers().get(CONTENT_TRANSFER_ENCODING);
    encoding.is_none_or(|encoding| {
        [&b"7bit"[..], b"8bit", b"binary"]
            .iter()
            .any(|plain| encoding.as_bytes().eq_ignore_ascii_case(plain))
    })
}

/// The part `name` as text.
fn field(name: String, content: Bytes) -> Result<(String, String), Error> {
    let longest = if name == "columns" {
        ColumnMapping::MAX_BYTES
    } else {
        MAX_FIELD
    };
    match String::from_utf8(content.into()) {
        Ok(text) if text.len() <= longest => Ok((name, text)),
        Ok(_) => {
            let detail = format!("is longer than {longest} bytes");
            Err(refused(name, Code::TooLong, detail))
        }
        Err(_) => Err(refused(name, Code::NotUtf8, "is not UTF-8")),
    }
}

fn refused(name: String, code: Code, detail: impl Into<String>) -> Error {
    let violation = Violation::new(name, code, detail);
    Error::Malformed {
        detail: format!("the part {}", violation.message()).into(),
        violations: vec![violation],
    }
}

/// The body is not the form that its header announces. The parser's own words may repeat the body.
fn unreadable(_: multer::Error) -> Error {
    Error::malformed("the body is not a complete form with the boundary that the Content-Type names")
}

#[cfg(test)]
mod any_form;
#[cfg(test)]
mod tests;

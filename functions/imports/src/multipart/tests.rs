//! The bodies in `tests/fixtures/multipart`: each is read as its description says, or refused.

use std::fs;
use std::path::Path;

use data_encoding::BASE64;
use lambda_http::http::Request as HttpRequest;
use serde::Deserialize;
use tokio::runtime::Builder;

use super::*;

#[derive(Deserialize)]
struct Description {
    boundary: String,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expected {
    Error {
        #[serde(rename = "error")]
        _offset: u64,
    },
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    name: String,
    file_name: Option<String>,
    /// In base64, on several lines.
    data: String,
}

impl Part {
    fn data(&self) -> Vec<u8> {
        let base64: String = self.data.split_whitespace().collect();
        BASE64.decode(base64.as_bytes()).unwrap()
    }
}

fn read(boundary: &str, body: Vec<u8>) -> Result<Form, Error> {
    let request = HttpRequest::builder()
        .header(
            CONTENT_TYPE,
            format!("multipart/form-data; boundary=\"{boundary}\""),
        )
        .body(Body::Binary(body))
        .unwrap();
    Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(form(request))
}

/// The body with a part `file` before its own, so that its fields can be looked at.
fn with_file(boundary: &str, body: &[u8]) -> Vec<u8> {
    let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nthe file\r\n");
    [part.as_bytes(), body].concat()
}

/// The cases: name, body, description.
fn cases() -> Vec<(String, Vec<u8>, Description)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/multipart");
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "http") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let yaml = fs::read_to_string(path.with_extension("yaml")).unwrap();
            let yaml = yaml.replace("!!binary", "");
            let description = serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{name}: {error}"));
            cases.push((name, fs::read(&path).unwrap(), description));
        }
    }
    assert_eq!(cases.len(), 33);
    cases
}

/// Forms that others read and that are refused here: with a transfer encoding, which browsers and HTTP clients do
/// not send (RFC 7578, 4.7), or with lines that are no boundary and look very much like one.
const REFUSED: [&str; 9] = [
    "almost_match_boundary_without_CR",
    "almost_match_boundary_without_LF",
    "almost_match_boundary_without_final_hyphen",
    "base64_encoding",
    "base64_encoding_whitespace",
    "mixed_case_headers",
    "mixed_plain_and_base64_encoding",
    "quoted_printable_encoding",
    "single_field_blocks",
];

#[test]
fn a_body_is_read_as_it_was_meant_or_refused() {
    let mut refused = Vec::new();
    for (name, body, Description { boundary, expected }) in cases() {
        let Expected::Parts(mut parts) = expected else {
            continue;
        };
        let file = parts
            .iter()
            .position(|part| part.name == "file")
            .map(|index| parts.remove(index));
        let body = if file.is_some() {
            body
        } else {
            with_file(&boundary, &body)
        };

        let mut form = match read(&boundary, body) {
            Ok(form) => form,
            Err(Error::Malformed { .. }) => {
                refused.push(name);
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };

        if let Some(file) = file {
            assert_eq!(form.file, file.data(), "{name}");
            let expected = file.file_name.as_deref().and_then(FileName::clipped);
            assert_eq!(form.file_name, expected, "{name}");
        }
        for part in parts {
            let text = String::from_utf8(part.data()).unwrap();
            assert_eq!(form.take(&part.name).as_deref(), Some(text.trim()), "{name}");
        }
        assert_eq!(form.unknown_fields(), [], "{name}");
    }
    refused.sort_unstable();
    assert_eq!(refused, REFUSED);
}

#[test]
fn a_body_that_is_no_form_is_refused() {
    for (name, body, Description { boundary, expected }) in cases() {
        if let Expected::Error { .. } = expected {
            let mut bodies = vec![body.clone()];
            // Otherwise its beginning is content of the part before it.
            if body.starts_with(format!("--{boundary}").as_bytes()) {
                bodies.push(with_file(&boundary, &body));
            }
            for body in bodies {
                let read = read(&boundary, body);

                assert!(matches!(read, Err(Error::Malformed { .. })), "{name}: {read:?}");
            }
        }
    }
}

#[test]
fn no_body_with_a_byte_changed_or_cut_off_makes_a_fault_of_ours() {
    for (name, body, Description { boundary, .. }) in cases() {
        if body.len() > 2_000 {
            continue;
        }
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 0xA0;
            for body in [changed, body[..at].to_vec()] {
                let read = read(&boundary, body);

                assert!(
                    matches!(read, Ok(_) | Err(Error::Malformed { .. })),
                    "{name} at {at}: {read:?}"
                );
            }
        }
    }
}

//! Whatever a body is, it is a form or is refused, and a refusal is short enough to be an answer.
//!
//! `PROPTEST_CASES` says how many bodies there are.

use lambda_http::http::Request as HttpRequest;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::runtime::Builder;

use super::*;

fn body(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        10 => select(pieces).prop_map(<[u8]>::to_vec),
        2 => vec(any::<u8>(), 0..6),
        1 => (select(pieces), 1..2000_usize).prop_map(|(piece, times)| piece.repeat(times)),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

const FORM: &[&[u8]] = &[
    b"--b",
    b"--b\r\n",
    b"--b--",
    b"--b--\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"--",
    b"-",
    b"email\na@b.org\n",
    b"Content-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n",
    b"Content-Disposition: form-data; name=\"mode\"\r\n\r\ncreate\r\n",
    b"Content-Disposition: form-data; name=\"",
    b"Content-Disposition: form-data; name*=UTF-8''%ff\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Type: text/csv\r\n",
    b"; filename*=utf-8''%e2%82%ac",
    b"\0",
    b"\xFF",
    b": ",
    b"x: y\r\n",
];

proptest! {
    #[test]
    fn any_body_is_a_form_or_a_problem(
        body in body(FORM),
        content_type in select(vec![
            "multipart/form-data; boundary=b", "multipart/form-data; boundary=\"b\"", "multipart/form-data",
            "multipart/form-data; boundary=", "multipart/form-data; boundary=b; boundary=c", "multipart/mixed; boundary=b",
        ]),
    ) {
        let request = HttpRequest::builder().header(CONTENT_TYPE, content_type).body(Body::from(body)).unwrap();
        match Builder::new_current_thread().build().unwrap().block_on(form(request)) {
            Err(error) => prop_assert!(error.to_string().len() < 2000),
            Ok(mut form) => {
                let _ = form.take("mode");
                prop_assert!(form.unknown_fields().len() <= 32);
            }
        }
    }
}

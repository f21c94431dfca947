//! What the page may do in a browser.

use shared::config::Origin;

/// The features of a browser that the page has no use for.
pub(crate) const PERMISSIONS: &str =
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// Returns the `Content-Security-Policy` of the page. Besides its own origin, it reaches only the `bucket`, for
/// signed uploads and downloads, and `token`, where the issuer gives tokens.
///
/// `connect-src` is the one list that an attacker would want longer: it is all that a stolen row could leave by.
#[must_use]
pub fn policy(bucket: Option<&Origin>, token: Option<&str>) -> String {
    let bucket = bucket.map(|origin| format!(" {origin}")).unwrap_or_default();
    let token = token.map(|address| format!(" {address}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'{bucket}{token}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types sheet"
    )
}

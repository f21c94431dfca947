//! The OpenID Connect issuer whose tokens a deployment takes.

use lambda_http::http::Uri;

/// Who may say who somebody is, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Its identifier, exactly as its tokens have it in `iss`.
    pub url: IssuerUrl,
    /// Whom its tokens must be for.
    pub audience: String,
    /// In which claims they say so.
    pub profile: Profile,
    /// The public client as which the page signs people in; without it, the page takes pasted tokens only.
    pub client: Option<String>,
}

/// In which claims an issuer says whom a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `aud`, as RFC 7519 has it.
    Generic,
    /// Amazon Cognito: `token_use` says whether it is `aud` (`id`) or `client_id` (`access`).
    Cognito,
}

/// The address of an issuer or of its keys: HTTPS, or HTTP on this very machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl(String);

impl IssuerUrl {
    /// Reads an address; `None` for one that is not to be trusted with keys.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uri = safe(text)?;
        uri.query().is_none().then(|| Self(text.to_owned()))
    }

    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the issuer describes itself (OpenID Connect Discovery, 4).
    pub(super) fn discovery(&self) -> String {
        format!(
            "{}/.well-known/openid-configuration",
            self.0.trim_end_matches('/')
        )
    }
}

/// Reads a URL that may be trusted with what is secret: HTTPS, or HTTP on this very machine, without credentials and
/// without a fragment.
pub(super) fn safe(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let safe = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost")),
        _ => false,
    };
    (safe && !authority.as_str().contains('@') && !text.contains('#')).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        for good in [
            "https://issuer.example",
            "https://issuer.example:8443/realms/one/",
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
            "http://localhost/a",
        ] {
            assert_eq!(IssuerUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "issuer.example",
            "/path",
            "ftp://issuer.example",
            "http://issuer.example",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "https://user@issuer.example",
            "https://issuer.example?a=b",
            "https://issuer.example#a",
            "https://",
        ] {
            assert_eq!(IssuerUrl::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_issuer_tells_of_itself_below_its_identifier() {
        for url in ["https://issuer.example/a", "https://issuer.example/a/"] {
            assert_eq!(
                IssuerUrl::parse(url).unwrap().discovery(),
                "https://issuer.example/a/.well-known/openid-configuration"
            );
        }
    }
}

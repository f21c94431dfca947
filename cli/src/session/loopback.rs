//! Where an issuer comes back to on this machine (RFC 8252, 7.3): a port of 127.0.0.1 that answers a browser until the
//! sign-in has ended.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::failure::Failure;

/// How long a browser may take to send a request, or to take the answer. Browsers also connect in advance and send nothing.
const VISIT: Duration = Duration::from_secs(10);
/// The longest head of a request, in bytes: twice what browsers and servers commonly take.
const MAX_HEAD: usize = 16 * 1024;

/// What an issuer says in the address that it sends the browser to (RFC 6749, 4.1.2).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Which sign-in it is about.
    pub(super) state: String,
    /// What is exchanged for tokens; `None` if nobody was signed in.
    pub(super) code: Option<String>,
    /// Why nobody was signed in.
    pub(super) error: Option<String>,
    /// Which issuer it is (RFC 9207); not all of them say so.
    pub(super) issuer: Option<String>,
}

impl Answer {
    /// Reads the head of a request; `None` if that is no answer of an issuer.
    fn of(head: &str) -> Option<Self> {
        let target = head.lines().next()?.strip_prefix("GET ")?.split(' ').next()?;
        let query = target.strip_prefix("/?")?;
        let url = Url::parse(&format!("http://127.0.0.1/?{query}")).ok()?;
        let mut members = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            // No member may be there twice (RFC 6749, 3.1).
            if members.insert(name.into_owned(), value.into_owned()).is_some() {
                return None;
            }
        }
        Some(Self {
            state: members.remove("state")?,
            code: members.remove("code"),
            error: members.remove("error_description").or(members.remove("error")),
            issuer: members.remove("iss"),
        })
    }
}

/// A port of 127.0.0.1, open until dropped.
#[derive(Debug)]
pub(super) struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    /// Opens `port`, or any free one for 0.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub(super) async fn open(port: u16) -> Result<Self, Failure> {
        let failed = |error| Failure::Usage(format!("no port of 127.0.0.1 can be opened ({error})"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port })
    }

    /// Returns the address that the issuer sends the browser to.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Answers browsers until the answer to the sign-in `state` has come, and returns it. An answer to another one may be
    /// somebody else's, sent by a link, so it is refused.
    ///
    /// # Errors
    ///
    /// If the system takes no more connections.
    pub(super) async fn answer(&self, state: &str) -> Result<Answer, Failure> {
        let mut visits = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, _) = accepted
                        .map_err(|error| Failure::Usage(format!("the browser cannot be answered ({error})")))?;
                    visits.push(visit(stream, state));
                }
                Some(answer) = visits.next(), if !visits.is_empty() => {
                    if let Some(answer) = answer {
                        return Ok(answer);
                    }
                }
            }
        }
    }
}

/// Answers one request, and returns the answer that it brings, if that is one to the sign-in `state`.
async fn visit(mut stream: TcpStream, state: &str) -> Option<Answer> {
    let head = timeout(VISIT, head(&mut stream)).await.ok()??;
    let answer = Answer::of(&head);
    let (status, text) = match &answer {
        Some(answer) if answer.state == state => (
            "200 OK",
            "The issuer has answered. You can close this tab; the terminal says whether you are signed in.",
        ),
        Some(_) => (
            "400 Bad Request",
            "This is not the answer to the sign-in that the command began, so it was refused. Sign in at the address that \
             the terminal shows.",
        ),
        None => ("404 Not Found", "There is nothing here."),
    };
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Access Service</title><p>{text}</p></html>"
    );
    // The address has the code, which goes to no other page.
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    // Whether the browser takes it does not matter to the sign-in.
    let _ = timeout(VISIT, async {
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
    answer.filter(|answer| answer.state == state)
}

/// Reads the head of a request; `None` if there is none, or it is too long or no text.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if head.len() > MAX_HEAD || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_from_the_line_of_a_request() {
        let answer = Answer::of("GET /?code=a%2Bb&state=s&iss=https%3A%2F%2Fi HTTP/1.1\r\nHost: x\r\n\r\n");
        let expected = Answer {
            state: "s".to_owned(),
            code: Some("a+b".to_owned()),
            error: None,
            issuer: Some("https://i".to_owned()),
        };
        assert_eq!(answer, Some(expected));
        let refused =
            Answer::of("GET /?error=access_denied&error_description=not+today&state=s HTTP/1.1\r\n");
        assert_eq!(refused.unwrap().error.unwrap(), "not today");

        for other in [
            "",
            "GET / HTTP/1.1",
            "GET /favicon.ico?state=s HTTP/1.1",
            "GET /?code=a HTTP/1.1",
            "GET /?state=s&state=t HTTP/1.1",
            "POST /?code=a&state=s HTTP/1.1",
            "GET http://other.example/?code=a&state=s HTTP/1.1",
        ] {
            assert_eq!(Answer::of(other), None, "{other}");
        }
    }
}

//! A listener in the place of a store, which may stop answering.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use aws_sdk_dynamodb::config::retry::RetryPartition;
use local::Wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// What becomes of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    /// They go through.
    Open,
    /// They are accepted and never answered.
    Silent,
    /// They are carried out, and half of the body of the answer comes.
    Half,
}

/// A listener before something that answers.
#[derive(Clone)]
pub(crate) struct Proxy {
    url: String,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    /// Listens before what answers at `upstream`.
    pub(crate) fn before(upstream: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let proxy = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            mode: Arc::new(AtomicU8::new(Mode::Open as u8)),
        };
        let upstream = upstream
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::from_std(listener).unwrap();
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (proxy, upstream) = (serving.clone(), upstream.clone());
                tokio::spawn(async move { proxy.connect(client, &upstream).await });
            }
        });
        proxy
    }

    /// A listener that never answers.
    pub(crate) fn silent() -> Self {
        let proxy = Self::before("");
        proxy.set(Mode::Silent);
        proxy
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::SeqCst) == mode as u8
    }

    async fn connect(&self, client: TcpStream, upstream: &str) {
        if self.is(Mode::Silent) {
            // Held open.
            let _client = client;
            return std::future::pending().await;
        }
        let Ok(server) = TcpStream::connect(upstream).await else {
            return;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = self.requests(from_client, to_server) => {}
            () = self.answers(from_server, to_client) => {}
        }
    }

    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            if self.is(Mode::Silent) {
                return std::future::pending().await;
            }
            if to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }

    async fn answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let piece = &buffer[..count];
            if self.is(Mode::Half) {
                let head = piece.windows(4).position(|end| end == b"\r\n\r\n");
                let head = head.map_or(0, |head| head + 4);
                let _ = to.write_all(&piece[..head + (count - head) / 2]).await;
                return std::future::pending().await;
            }
            if self.is(Mode::Silent) {
                return std::future::pending().await;
            }
            if to.write_all(piece).await.is_err() {
                return;
            }
        }
    }
}

/// A listener before each store of a service.
#[derive(Clone)]
pub(crate) struct Proxies {
    pub(crate) table: Proxy,
    pub(crate) bucket: Proxy,
}

impl Proxies {
    pub(crate) fn set(&self, mode: Mode) {
        self.table.set(mode);
        self.bucket.set(mode);
    }
}

/// A budget of retries that no other test uses up. By default all clients of a process share one.
pub(super) fn own_retries() -> RetryPartition {
    RetryPartition::new(Uuid::new_v4().to_string())
}

/// Wires functions to reach their stores through listeners, which it puts into `made`.
pub(crate) fn wire(made: Arc<OnceLock<Proxies>>) -> Wire {
    Arc::new(move |wiring| {
        let mut wiring = wiring.clone();
        let proxies = made.get_or_init(|| Proxies {
            table: Proxy::before(&wiring.environment["AWS_ENDPOINT_URL_DYNAMODB"]),
            bucket: Proxy::before(&wiring.environment["AWS_ENDPOINT_URL_S3"]),
        });
        let dynamodb = wiring.dynamodb.config().to_builder();
        let s3 = wiring.s3.config().to_builder();
        let dynamodb = dynamodb.endpoint_url(proxies.table.url());
        let s3 = s3.endpoint_url(proxies.bucket.url());
        let dynamodb = dynamodb.retry_partition(own_retries());
        let s3 = s3.retry_partition(own_retries());
        wiring.dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb.build());
        wiring.s3 = aws_sdk_s3::Client::from_conf(s3.build());
        local::functions::handlers(&wiring)
    })
}

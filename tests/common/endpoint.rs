//! The URL and the access key with which a test reaches a DynamoDB.

use std::{
    fmt,
    net::SocketAddr,
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering},
};

/// The URL of a DynamoDB, and the access key that owns the tables.
///
/// A proxy before an engine uses the engine's access key, because DynamoDB Local keeps one database for each key.
#[derive(Debug, Clone)]
pub struct Endpoint {
    url: String,
    access_key: String,
}

impl Endpoint {
    /// An endpoint with a new access key.
    pub fn new(url: impl fmt::Display) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        // DynamoDB Local accepts only letters and digits.
        let access_key = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        Self { url: url.to_string(), access_key }
    }

    /// An endpoint with the same tables and another URL.
    pub fn at(&self, url: impl fmt::Display) -> Self {
        Self { url: url.to_string(), access_key: self.access_key.clone() }
    }

    pub fn access_key(&self) -> &str {
        &self.access_key
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::new(format_args!("http://{address}"))
    }
}

impl Deref for Endpoint {
    type Target = str;

    fn deref(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

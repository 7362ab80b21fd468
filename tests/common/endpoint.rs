//! Where a DynamoDB is, and as whom one asks there.

use std::{
    fmt,
    net::SocketAddr,
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering},
};

/// The URL of a DynamoDB, and the access key that its tables belong to.
///
/// All that stands before the same engine has its access key: DynamoDB Local has a database for each.
#[derive(Debug, Clone)]
pub struct Endpoint {
    url: String,
    access_key: String,
}

impl Endpoint {
    /// One with an access key of its own.
    pub fn new(url: impl fmt::Display) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        // Letters and digits are all that DynamoDB Local takes.
        let access_key = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        Self { url: url.to_string(), access_key }
    }

    /// The same tables, elsewhere.
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

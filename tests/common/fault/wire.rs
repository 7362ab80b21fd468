//! The subset of HTTP/1.1 that DynamoDB clients use, written out so that a fault can break it anywhere.

use std::{fmt::Write, io, net::SocketAddr};

use flate2::Crc;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::http;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A request with a JSON body.
pub(super) struct Request {
    headers: Vec<(String, String)>,
    pub(super) json: Value,
}

impl Request {
    /// Reads the next request of a connection. Returns `None` when the connection closes.
    pub(super) async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::with_capacity(4096);
        let end = loop {
            if let Some(end) = bytes.windows(END_OF_HEAD.len()).position(|bytes| bytes == END_OF_HEAD) {
                break end;
            }
            more(stream, &mut bytes).await?;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let mut request = Self { headers, json: Value::Null };
        let body = end + END_OF_HEAD.len();
        let length: usize = request.header("content-length").parse().unwrap();
        while bytes.len() < body + length {
            more(stream, &mut bytes).await?;
        }
        request.json = serde_json::from_slice(&bytes[body..]).unwrap();
        Some(request)
    }

    /// Returns a header that every DynamoDB client sends.
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        &found.unwrap_or_else(|| panic!("request lacks the header {name}")).1
    }

    /// Returns the engine's response, in pages of at most `rows` rows.
    pub(super) async fn forward(&self, engine: SocketAddr, rows: Option<usize>) -> Answer {
        let mut request = http::agent().post(format!("http://{engine}/"));
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "host" && name != "content-length") {
            request = request.header(name, value);
        }
        let mut json = self.json.clone();
        if let (Some(rows), Some(limit)) = (rows, json.get_mut("Limit")) {
            *limit = limit.as_u64().unwrap().min(rows as u64).into();
        }
        let answer = tokio::task::spawn_blocking(move || {
            let mut answer = request.send(json.to_string().as_bytes()).unwrap();
            let body = answer.body_mut().with_config().limit(http::MOST).read_to_vec().unwrap();
            let header = |name: &'static str| Some((name, answer.headers().get(name)?.to_str().unwrap().to_owned()));
            let headers = ["content-type", CHECKSUM, "x-amzn-requestid"].into_iter().filter_map(header).collect();
            Answer { status: answer.status().as_u16(), headers, body }
        });
        answer.await.unwrap()
    }
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(bytes).await.ok()?;
    (read > 0).then_some(())
}

/// The header with the CRC-32 of a body.
pub(super) const CHECKSUM: &str = "x-amz-crc32";

/// A response.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A response with a JSON body and no checksum.
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", "application/x-amz-json-1.0".into())], body: body.into() }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the checksum of the body.
    pub(super) fn with_checksum(self) -> Self {
        let mut crc = Crc::new();
        crc.update(&self.body);
        self.header(CHECKSUM, crc.sum().to_string())
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| *header != name);
        self
    }

    /// Returns status line and headers, for a body of this length, or for one that ends with the connection.
    pub(super) fn head(&self, length: Option<usize>) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} .\r\n", self.status);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        match length {
            Some(length) => write!(head, "content-length: {length}\r\n\r\n").unwrap(),
            None => head.push_str("connection: close\r\n\r\n"),
        }
        head.into_bytes()
    }

    /// Sends the whole response.
    pub(super) async fn send(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&self.head(Some(self.body.len()))).await?;
        stream.write_all(&self.body).await
    }
}

//! A search for secrets in all logs of the tests and of the programs that they start. A secret is a credential of a
//! caller, or a key with which the function signs its reads.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use http_sd_lambda::http::TokenHash;
use tracing::{Level, instrument::WithSubscriber};
use tracing_subscriber::fmt::MakeWriter;

use super::TOKEN;

/// The mark that every other secret in the tests contains.
pub const MARK: &str = "test-secret";

/// Log lines that contain a secret.
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Texts that no log may contain.
fn secrets() -> &'static [String] {
    static SECRETS: OnceLock<Vec<String>> = OnceLock::new();
    SECRETS.get_or_init(|| {
        let tokens = [TOKEN, "not-the-token", MARK];
        // Base64 of a token differs by its offset in the text modulo three.
        let encoded = tokens.iter().flat_map(|token| (0..3).map(|before| inner_base64(token, before)));
        let hash = TokenHash::of(TOKEN.as_bytes()).to_string();
        let own = ["Bearer ", "Basic ", "AWS4-HMAC-SHA256", "Signature="].map(str::to_owned);
        tokens.iter().map(|&token| token.to_owned()).chain(encoded).chain(own).chain([hash]).collect()
    })
}

/// Returns the base64 of a text after `before` other bytes, without the characters that depend on its neighbours.
fn inner_base64(text: &str, before: usize) -> String {
    let whole = BASE64_STANDARD_NO_PAD.encode(format!("{}{text}", &"xx"[..before]));
    // Each character encodes six bits.
    let (first, last) = ((before * 8).div_ceil(6), (before + text.len()) * 8 / 6);
    whole[first..last].to_owned()
}

/// Returns the secret that a text contains. The placeholders of help texts are not secrets.
pub fn secret_in(text: &str) -> Option<&'static str> {
    let text = text.replace("Bearer <token>", "").replace("Bearer $TOKEN", "");
    secrets().iter().find(|secret| text.contains(*secret)).map(String::as_str)
}

/// Records a logged text if it contains a secret.
pub fn search(text: &str) {
    if let Some(secret) = secret_in(text) {
        FOUND.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{secret:?} in: {text}"));
    }
}

/// Fails if any test of this process has logged a secret.
pub fn assert_no_secret() {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(found.is_empty() || std::thread::panicking(), "secrets in a log:\n{}", found.join("\n"));
}

/// Starts to search all logs of this process, at every level.
pub fn watch() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false);
        tracing::subscriber::set_global_default(subscriber.with_writer(|| Searched).finish()).unwrap();
    });
}

/// A writer that searches its input.
struct Searched;

impl io::Write for Searched {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        search(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that searches and keeps its input.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        search(&String::from_utf8_lossy(line));
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Returns the result of `work` and its log, without timestamps.
pub fn of<T>(work: impl Future<Output = T>) -> impl Future<Output = (T, String)> {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false).without_time();
    // Boxed, because the SDK's futures are large.
    let work = Box::pin(work.with_subscriber(subscriber.with_writer(kept.clone()).finish()));
    async move {
        let done = work.await;
        let log = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        (done, log)
    }
}

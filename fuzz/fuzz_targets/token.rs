//! `HTTP_SD_TOKEN_SHA256` and `Authorization`: a credential is read as it is written, an error does not repeat what may be a
//! token, and who has the token is let in and nobody else.
#![no_main]

use std::{
    io,
    sync::{LazyLock, Mutex},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use http_sd_lambda::{
    config::{self, Config},
    http::{Access, Credential, Service, Settings, TokenHash},
    table::Table,
};
use http_sd_lambda_fuzz::check_line;
use libfuzzer_sys::fuzz_target;
use sdctl::local;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

/// What every token has in it, and no log may have.
const MARK: &str = "test-secret";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    Builder::new_current_thread().enable_all().build().unwrap()
});
/// What was logged.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

// Up to the first newline the setting, up to the second the user's part of the token, and then the header.
fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |&byte| byte == b'\n');
    let [setting, token, header] = [(); 3].map(|()| parts.next().unwrap_or_default());
    if let Ok(setting) = str::from_utf8(setting) {
        check_setting(setting);
    }
    check_header(&[MARK.as_bytes(), token].concat(), header);
});

fn check_setting(text: &str) {
    let one = text.parse::<Credential>();
    match &one {
        Ok(credential) => {
            let written = credential.to_string();
            assert_eq!(written.parse::<Credential>().as_ref(), Ok(credential), "{text} became {written}");
            assert!(!written.contains([',', ' ', '\n']), "{written} is more than one item of a list");
        }
        Err(error) => check_secret(text, &error.to_string()),
    }
    let lookup = |name: &str| match name {
        config::TABLE => Some("http-sd".to_owned()),
        config::AUTH => Some("token".to_owned()),
        config::TOKEN_SHA256 => Some(text.to_owned()),
        _ => None,
    };
    match Config::read(&lookup) {
        Ok(Config { access: Access::Token(credentials), .. }) => {
            assert_eq!(credentials.len(), text.split(',').count());
            assert!(credentials.len() > 1 || credentials.first() == text.trim().parse().ok().as_ref());
            let hashes: Vec<String> = credentials.iter().map(|credential| credential.hash().to_string()).collect();
            assert!((1..hashes.len()).all(|i| !hashes[..i].contains(&hashes[i])), "a hash is there twice");
            assert!(!hashes.contains(&TokenHash::of(b"").to_string()), "the hash of no token");
        }
        Ok(config) => panic!("{config:?}"),
        Err(error) => {
            let error = error.to_string();
            assert!(error.starts_with(config::TOKEN_SHA256), "{error}");
            check_secret(text, &error);
            assert!(one.is_err() || text != text.trim() || text.contains(','), "{text} is a credential, but {error}");
        }
    }
}

/// Makes sure that an error repeats nothing of a text that somebody may have put a token into.
fn check_secret(text: &str, error: &str) {
    check_line(error);
    assert!(!text.contains(MARK) || !error.contains(MARK), "{error}");
}

fn check_header(token: &[u8], header: &[u8]) {
    let known = TokenHash::of(token.trim_ascii());
    let service = service(Credential::new(known.clone()));
    let (bearer, basic) =
        ([b"Bearer ", token].concat(), BASE64_STANDARD.encode([b"user:", token.trim_ascii()].concat()));
    if HeaderValue::from_bytes(&bearer).is_ok() {
        assert!(is_let_in(&service, &[&bearer]), "a bearer is not let in");
        assert!(!is_let_in(&service, &[&bearer, header]), "let in with two headers");
    }
    assert!(is_let_in(&service, &[format!("Basic {basic}").as_bytes()]), "a password is not let in");
    assert!(!is_let_in(&service, &[]), "let in without a header");
    let is_known = sent(header).is_some_and(|sent| TokenHash::of(&sent) == known);
    assert_eq!(is_let_in(&service, &[header]), is_known, "{:?}", String::from_utf8_lossy(header));
    // A token that is not known.
    let other = self::service(Credential::new(TokenHash::of(b"another")));
    assert!(!is_let_in(&other, &[&bearer]), "let in with another token");
    let mut log = LOG.lock().unwrap();
    let text = String::from_utf8_lossy(&log);
    let encoded = ["dGVzdC1zZWNyZX", "Rlc3Qtc2VjcmV0", "0ZXN0LXNlY3JldA"];
    assert!(text.lines().count() > 3 && !text.contains(MARK), "a secret in the log: {text}");
    assert!(!encoded.iter().any(|encoded| text.contains(encoded)), "a secret in the log: {text}");
    log.clear();
}

/// A service that reads no table.
fn service(credential: Credential) -> Service {
    let table = Table::new(local::client("http://127.0.0.1:9"), "http-sd");
    Service::new(table, Access::Token(vec![credential]), Settings::default())
}

/// Whether a request with these headers is let in: then it is told that there is no such path.
fn is_let_in(service: &Service, values: &[&[u8]]) -> bool {
    let mut headers = HeaderMap::new();
    for value in values {
        let Ok(value) = HeaderValue::from_bytes(value) else { return false };
        headers.append(header::AUTHORIZATION, value);
    }
    let mut request = Request::new(());
    *request.uri_mut() = Uri::from_static("/none");
    *request.headers_mut() = headers;
    let Ok(response) = RUNTIME.block_on(service.clone().oneshot(request));
    match response.status().as_u16() {
        404 => true,
        // More than is read, and then nobody is let in.
        401 | 431 => false,
        status => panic!("{status}"),
    }
}

/// The token that a header carries, by the two RFCs.
fn sent(header: &[u8]) -> Option<Vec<u8>> {
    HeaderValue::from_bytes(header).ok()?;
    if header.len() < 7 || header.len() > 16_000 {
        return None;
    }
    let (scheme, rest) = header.split_at(7);
    if scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Some(rest.trim_ascii().to_owned());
    }
    let (scheme, rest) = header.split_at(6);
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let text = BASE64_STANDARD.decode(rest.trim_ascii()).ok()?;
    let mut parts = text.splitn(2, |&byte| byte == b':');
    parts.next()?;
    parts.next().map(<[u8]>::to_owned)
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

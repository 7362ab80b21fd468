//! `HTTP_SD_TOKEN_SHA256` and `Authorization`: a written credential reads as the same credential, no error repeats a
//! text that may be a token, and only callers with the token have access.
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

/// The mark that every token contains and no log may contain.
const MARK: &str = "test-secret";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    Builder::new_current_thread().enable_all().build().unwrap()
});
/// The log.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

// The setting up to the first newline, the user's part of the token up to the second, and then the header.
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
            assert!(!written.contains([',', ' ', '\n']), "{written} contains a separator of the list");
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
            assert!((1..hashes.len()).all(|i| !hashes[..i].contains(&hashes[i])), "a hash occurs twice");
            assert!(!hashes.contains(&TokenHash::of(b"").to_string()), "the hash of an empty token is accepted");
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

/// Checks that an error repeats nothing of a text that may contain a token.
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
        assert!(has_access(&service, &[&bearer]), "a bearer token is rejected");
        assert!(!has_access(&service, &[&bearer, header]), "two headers are accepted");
    }
    assert!(has_access(&service, &[format!("Basic {basic}").as_bytes()]), "a password is rejected");
    assert!(!has_access(&service, &[]), "a request without a header is accepted");
    let is_known = sent(header).is_some_and(|sent| TokenHash::of(&sent) == known);
    assert_eq!(has_access(&service, &[header]), is_known, "{:?}", String::from_utf8_lossy(header));
    // An unknown token.
    let other = self::service(Credential::new(TokenHash::of(b"another")));
    assert!(!has_access(&other, &[&bearer]), "another token is accepted");
    let mut log = LOG.lock().unwrap();
    let text = String::from_utf8_lossy(&log);
    let encoded = ["dGVzdC1zZWNyZX", "Rlc3Qtc2VjcmV0", "0ZXN0LXNlY3JldA"];
    assert!(text.lines().count() > 3 && !text.contains(MARK), "the log contains a secret: {text}");
    assert!(!encoded.iter().any(|encoded| text.contains(encoded)), "the log contains a secret: {text}");
    log.clear();
}

/// A service that reads no table.
fn service(credential: Credential) -> Service {
    let table = Table::new(local::client("http://127.0.0.1:9"), "http-sd");
    Service::new(table, Access::Token(vec![credential]), Settings::default())
}

/// Returns whether a request with these headers has access. The response is then 404, because the path is unknown.
fn has_access(service: &Service, values: &[&[u8]]) -> bool {
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
        // Too many headers are an error before the check of access.
        401 | 431 => false,
        status => panic!("{status}"),
    }
}

/// Returns the token in a header, by RFC 6750 and RFC 7617.
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

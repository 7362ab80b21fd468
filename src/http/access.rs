//! Access: the check of credentials, and the jobs that a caller may read.

use std::{borrow::Cow, collections::BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header};
use subtle::{Choice, ConditionallySelectable};
use tracing::warn;

use super::{Credential, Request, ServiceError, TokenHash};
use crate::group::Job;

/// The credentials that a rejected caller must send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// A token.
    Token,
    /// An AWS signature.
    Iam,
}

impl Challenge {
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            // One field, because a Function URL keeps one field of each name. Basic first, because Chromium reads only
            // the first challenge.
            Self::Token => "Basic realm=\"http-sd\", charset=\"UTF-8\", Bearer realm=\"http-sd\"",
            Self::Iam => "AWS4-HMAC-SHA256",
        })
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Token => {
                "missing or invalid token: send it as \"Authorization: Bearer <token>\", or as the password of \
                 basic_auth"
            }
            Self::Iam => {
                "missing or invalid signature: sign the request with AWS Signature Version 4, for example through a \
                 signing proxy"
            }
        }
    }
}

/// The check of callers, for every path but `/-/healthy`.
#[derive(Debug, Clone)]
pub enum Access {
    /// Callers with one of these tokens.
    Token(Vec<Credential>),
    /// Callers that IAM has authenticated at the Function URL.
    Iam,
    /// All callers.
    Open,
}

/// An accepted caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'a> {
    /// The name for the log: the name of the token, or the ARN.
    pub(super) name: Option<&'a str>,
    /// The jobs that the caller may read; `None` means every job.
    pub(super) jobs: Option<&'a BTreeSet<Job>>,
}

impl Access {
    /// Logs a warning if all callers are accepted.
    pub fn warn_if_open(&self) {
        if matches!(self, Self::Open) {
            warn!(
                event = "open",
                "HTTP_SD_AUTH=none: anyone who can reach the URL can read every target without a token"
            );
        }
    }

    /// Returns the caller of a request.
    ///
    /// # Errors
    /// [`ServiceError::Unauthorized`], which does not reveal the invalid part.
    pub(super) fn check<'a>(&'a self, request: &'a Request) -> Result<Caller<'a>, ServiceError> {
        match self {
            Self::Token(credentials) => find(credentials, token(&request.headers).as_deref())
                .map(|found| Caller { name: found.name(), jobs: found.jobs() })
                .ok_or(ServiceError::Unauthorized(Challenge::Token)),
            Self::Iam => match request.iam_caller.as_deref() {
                Some(arn) if !arn.is_empty() => Ok(Caller { name: Some(arn), jobs: None }),
                _ => Err(ServiceError::Unauthorized(Challenge::Iam)),
            },
            Self::Open => Ok(Caller { name: None, jobs: None }),
        }
    }
}

/// Returns the credential of a token. The function always hashes a token, even a missing one, and compares every hash,
/// so that the time reveals neither whether a token was sent nor which hash was close.
fn find<'a>(credentials: &'a [Credential], token: Option<&[u8]>) -> Option<&'a Credential> {
    let sent = TokenHash::of(token.unwrap_or_default());
    let (mut known, mut at) = (Choice::from(0), 0_u64);
    for (i, credential) in (0..).zip(credentials) {
        let same = credential.hash().is(&sent);
        at.conditional_assign(&i, same);
        known |= same;
    }
    let may_ask = known & Choice::from(u8::from(token.is_some()));
    credentials.get(usize::try_from(at).ok()?).filter(|_| may_ask.into())
}

/// Returns the token of `Authorization: Bearer …` (RFC 6750), or the password of `Authorization: Basic …` (RFC 7617)
/// with any user name. The scheme is case-insensitive (RFC 9110, 11.1). Two `Authorization` fields count as none.
fn token(headers: &HeaderMap) -> Option<Cow<'_, [u8]>> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    let value = field.as_bytes();
    let blank = value.iter().position(|&b| b == b' ')?;
    let (scheme, rest) = value.split_at(blank);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"Bearer") {
        Some(rest.into())
    } else if scheme.eq_ignore_ascii_case(b"Basic") {
        let user_and_password = BASE64_STANDARD.decode(rest).ok()?;
        let colon = user_and_password.iter().position(|&b| b == b':')?;
        Some(user_and_password[colon + 1..].to_vec().into())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn token_is_bearer_or_basic_password() {
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let cases: [(&[&str], Option<&str>); 22] = [
            (&[], None),
            (&["Bearer t"], Some("t")),
            (&["bEARER t"], Some("t")),
            (&["Bearer   t "], Some("t")),
            (&["Bearer t u"], Some("t u")),
            (&["Bearer "], Some("")),
            (&["Bearer"], None),
            (&["Bearert"], None),
            (&["Token t"], None),
            (&["t"], None),
            (&[" Bearer t"], None),
            (&[&basic("user:t")], Some("t")),
            (&[&basic(":t")], Some("t")),
            (&[&basic("user:")], Some("")),
            (&[&basic("user:a:b")], Some("a:b")),
            (&[&basic("user")], None),
            (&["basic dTp0"], Some("t")),
            (&["Basic dTp0="], None),
            (&["Basic %%%"], None),
            (&["Basic "], None),
            (&["Bearer t", "Bearer t"], None),
            (&["Digest username=\"t\""], None),
        ];
        for (values, expected) in cases {
            assert_eq!(token(&headers(values)).as_deref(), expected.map(str::as_bytes), "{values:?}");
        }
    }

    #[test]
    fn each_token_finds_its_credential() {
        let of = |token: &str| Credential::new(TokenHash::of(token.as_bytes())).named(token).unwrap();
        let credentials: Vec<Credential> = (0..16).map(|i| of(&format!("t{i}"))).collect();
        for i in 0..16 {
            let name = format!("t{i}");
            assert_eq!(find(&credentials, Some(name.as_bytes())).unwrap().name(), Some(&*name));
        }
        for wrong in [None, Some(&b""[..]), Some(b"t"), Some(b"t16"), Some(b"T0")] {
            assert_eq!(find(&credentials, wrong), None, "{wrong:?}");
        }
        assert_eq!(find(&[], Some(b"")), None);
        // Even the hash of an empty token does not accept a missing token.
        assert_eq!(find(&[Credential::new(TokenHash::of(b""))], None), None);
    }
}

//! Who may ask.

use std::{fmt, str::FromStr};

use http::{HeaderValue, header};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

use super::{Request, ServiceError};

/// What credentials a refused caller may come back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// A bearer token.
    Bearer,
    /// A signature of AWS's.
    Iam,
}

impl Challenge {
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Bearer => "Bearer realm=\"http-sd\"",
            Self::Iam => "AWS4-HMAC-SHA256",
        })
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Bearer => "send a valid token as \"Authorization: Bearer <token>\"",
            Self::Iam => "sign the request with AWS Signature Version 4, for example through a signing proxy",
        }
    }
}

/// Who may ask for anything but `/-/healthy`.
#[derive(Debug, Clone)]
pub enum Access {
    /// Whoever sends a token with one of these hashes.
    Token(Vec<TokenHash>),
    /// Whoever IAM has let through the Function URL.
    Iam,
    /// Everybody.
    Open,
}

impl Access {
    /// Whether the request's caller may ask.
    ///
    /// # Errors
    /// [`ServiceError::Unauthorized`], which does not tell which part was wrong.
    pub(super) fn check(&self, request: &Request) -> Result<(), ServiceError> {
        match self {
            Self::Token(hashes) => {
                let token = bearer_token(request).ok_or(ServiceError::Unauthorized(Challenge::Bearer))?;
                // Every hash is visited, so that the time taken does not tell which one was close.
                let known = hashes.iter().fold(Choice::from(0), |known, hash| known | hash.matches(token));
                if known.into() { Ok(()) } else { Err(ServiceError::Unauthorized(Challenge::Bearer)) }
            }
            Self::Iam if !request.iam_caller => Err(ServiceError::Unauthorized(Challenge::Iam)),
            Self::Iam | Self::Open => Ok(()),
        }
    }
}

/// The credentials of `Authorization: Bearer …` (RFC 6750). The scheme's case does not matter (RFC 9110, 11.1).
fn bearer_token(request: &Request) -> Option<&[u8]> {
    let value = request.headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// The SHA-256 of an accepted token. The token itself is known to its holder alone.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of that token.
    #[must_use]
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    fn matches(&self, token: &[u8]) -> Choice {
        self.0.ct_eq(&Self::of(token).0)
    }
}

/// Not a SHA-256 in hex. Does not repeat the text, which may be a token put there by mistake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a SHA-256 in hex, which has 64 digits")]
pub struct NotAHash;

impl FromStr for TokenHash {
    type Err = NotAHash;

    fn from_str(hex: &str) -> Result<Self, NotAHash> {
        let mut hash = [0; 32];
        hex::decode_to_slice(hex, &mut hash).map_err(|_| NotAHash)?;
        Ok(Self(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

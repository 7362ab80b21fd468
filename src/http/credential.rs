//! Accepted tokens: their hashes, names for the log, and the jobs that each may read.

use std::{collections::BTreeSet, fmt, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

use crate::group::{Fault, Job};

/// The maximum length of the name of a token, in bytes.
const MOST_NAME: usize = 64;

/// The characters of a job to percent-encode in a credential, as in a URL.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// An accepted token: its hash, its name, and the jobs that it may read.
///
/// The text form is `hash`, `name:hash` or `name:hash:job|job|…`, with jobs percent-encoded as in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name for the log: 1 to 64 letters, digits, `.`, `_` or `-`.
    name: Option<String>,
    hash: TokenHash,
    /// The jobs that the token may read; `None` means every job.
    jobs: Option<BTreeSet<Job>>,
}

impl Credential {
    /// Creates a credential for every job, without a name.
    #[must_use]
    pub fn new(hash: TokenHash) -> Self {
        Self { name: None, hash, jobs: None }
    }

    /// Sets the name for the log.
    ///
    /// # Errors
    /// [`NotACredential::Name`] unless the name is 1 to 64 letters, digits, `.`, `_` or `-`.
    pub fn named(self, name: &str) -> Result<Self, NotACredential> {
        let is_name = (1..=MOST_NAME).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !is_name {
            return Err(NotACredential::Name);
        }
        Ok(Self { name: Some(name.to_owned()), ..self })
    }

    /// Limits the token to `jobs`.
    ///
    /// # Errors
    /// [`NotACredential::NoJobs`] for no jobs, because an empty limit must not allow every job.
    pub fn limited_to(self, jobs: impl IntoIterator<Item = Job>) -> Result<Self, NotACredential> {
        let jobs: BTreeSet<Job> = jobs.into_iter().collect();
        if jobs.is_empty() { Err(NotACredential::NoJobs) } else { Ok(Self { jobs: Some(jobs), ..self }) }
    }

    /// Returns the name for the log.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the hash of the token.
    #[must_use]
    pub fn hash(&self) -> &TokenHash {
        &self.hash
    }

    /// Returns the jobs that the token may read; `None` means every job.
    #[must_use]
    pub fn jobs(&self) -> Option<&BTreeSet<Job>> {
        self.jobs.as_ref()
    }
}

/// An invalid credential. The text follows the name of the credential. It never repeats the input, which may be a token
/// given by mistake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotACredential {
    /// The hash is invalid or missing.
    #[error("has no SHA-256 hash (64 hex digits)")]
    Hash,
    /// The hash is that of an empty token.
    #[error("is the hash of an empty token")]
    EmptyToken,
    /// The name is empty, too long, or contains other characters.
    #[error("has an invalid name, which must be 1 to 64 letters, digits, '.', '_' or '-'")]
    Name,
    /// The list of jobs is empty.
    #[error("ends with a colon but lists no jobs; remove the colon to allow every job")]
    NoJobs,
    /// A job is invalid.
    #[error("has an invalid job, number {number}, which {fault}")]
    Job {
        /// The position of the job, from 1.
        number: usize,
        /// The fault of the job.
        fault: Fault,
    },
    /// A job is not percent-encoded UTF-8.
    #[error("has a job, number {number}, that is not percent-encoded UTF-8; write % as %25, '|' as %7C, ',' as %2C")]
    Encoding {
        /// The position of the job, from 1.
        number: usize,
    },
}

impl FromStr for Credential {
    type Err = NotACredential;

    fn from_str(text: &str) -> Result<Self, NotACredential> {
        let mut parts = text.splitn(3, ':');
        let (first, second, jobs) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let (name, hash) = second.map_or((None, first), |second| (Some(first), second));
        let hash: TokenHash = hash.parse().map_err(|NotAHash| NotACredential::Hash)?;
        if hash == TokenHash::of(b"") {
            return Err(NotACredential::EmptyToken);
        }
        let mut credential = Self::new(hash);
        if let Some(jobs) = jobs {
            credential = credential.limited_to(parse_jobs(jobs)?)?;
        }
        match name {
            Some(name) => credential.named(name),
            None => Ok(credential),
        }
    }
}

fn parse_jobs(text: &str) -> Result<Vec<Job>, NotACredential> {
    if text.is_empty() {
        return Err(NotACredential::NoJobs);
    }
    let jobs = text.split('|').zip(1..).map(|(encoded, number)| {
        let decoded = decode(encoded).ok_or(NotACredential::Encoding { number })?;
        Job::new(decoded).map_err(|fault| NotACredential::Job { number, fault })
    });
    jobs.collect()
}

/// Percent-decodes a text. Returns `None` unless two hex digits follow each `%` (RFC 3986, 2.1) and the result is
/// UTF-8.
pub(super) fn decode(encoded: &str) -> Option<String> {
    let hex_follows = |rest: &str| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    let is_encoded = encoded.split('%').skip(1).all(hex_follows);
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    is_encoded.then(|| decoded.into_owned())
}

/// Writes the form that `HTTP_SD_TOKEN_SHA256` accepts.
impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name}:")?;
        }
        write!(f, "{}", self.hash)?;
        for (job, before) in self.jobs.iter().flatten().zip(std::iter::once(':').chain(std::iter::repeat('|'))) {
            write!(f, "{before}{}", utf8_percent_encode(job.as_str(), ENCODED))?;
        }
        Ok(())
    }
}

/// The SHA-256 of an accepted token. The function never stores the token itself.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Returns the hash of a token.
    #[must_use]
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Compares two hashes in constant time.
    pub(super) fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// An invalid hash. The text never repeats the input, which may be a token given by mistake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a SHA-256 hash (64 hex digits)")]
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

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn text_form_of_credentials_round_trips() {
        let jobs = |jobs: &[&str]| Some(jobs.iter().map(|job| Job::new(*job).unwrap()).collect::<BTreeSet<_>>());
        let cases = [
            (HASH.to_owned(), None, None),
            (format!("eu-1.prom_a:{HASH}"), Some("eu-1.prom_a"), None),
            (format!("x:{HASH}:node_exporter"), Some("x"), jobs(&["node_exporter"])),
            (format!("x:{HASH}:mysqld|node_exporter"), Some("x"), jobs(&["node_exporter", "mysqld"])),
            (format!("x:{HASH}:a%2Cb%7Cc:d%25|%C3%A9%20f%2Fg"), Some("x"), jobs(&["a,b|c:d%", "é f/g"])),
        ];
        for (text, name, jobs) in cases {
            let credential: Credential = text.parse().unwrap();
            assert_eq!((credential.name(), credential.jobs()), (name, jobs.as_ref()), "{text}");
            assert_eq!(credential.hash(), &TokenHash::of(b"test"), "{text}");
            assert_eq!(credential.to_string(), text);
        }
        assert_eq!(HASH.to_uppercase().parse::<Credential>().unwrap().to_string(), HASH);
    }

    #[test]
    fn credential_without_jobs_is_an_error() {
        let credential = Credential::new(TokenHash::of(b"t")).named("eu").unwrap();
        assert_eq!(credential.clone().limited_to([]), Err(NotACredential::NoJobs));
        assert_eq!(credential.jobs(), None);
        let job = Job::new("node").unwrap();
        assert_eq!(credential.limited_to([job.clone()]).unwrap().jobs(), Some(&[job].into()));
    }

    #[test]
    fn invalid_credentials_are_not_repeated_in_errors() {
        let empty = TokenHash::of(b"").to_string();
        let long = "n".repeat(65);
        let cases = [
            (String::new(), NotACredential::Hash),
            ("hunter2".into(), NotACredential::Hash),
            (HASH[1..].into(), NotACredential::Hash),
            (format!("{HASH}:x"), NotACredential::Hash),
            (format!("{HASH}:node_exporter:x"), NotACredential::Hash),
            ("name:hunter2".into(), NotACredential::Hash),
            (empty.clone(), NotACredential::EmptyToken),
            (format!("x:{empty}"), NotACredential::EmptyToken),
            (format!(":{HASH}"), NotACredential::Name),
            (format!("a b:{HASH}"), NotACredential::Name),
            (format!("é:{HASH}"), NotACredential::Name),
            (format!("{long}:{HASH}"), NotACredential::Name),
            (format!("x:{HASH}:"), NotACredential::NoJobs),
            (format!("x:{HASH}:a|"), NotACredential::Job { number: 2, fault: Fault::Empty }),
            (format!("x:{HASH}:|a"), NotACredential::Job { number: 1, fault: Fault::Empty }),
            (format!("x:{HASH}:a|50%"), NotACredential::Encoding { number: 2 }),
            (format!("x:{HASH}:%FF"), NotACredential::Encoding { number: 1 }),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Credential>().unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn invalid_percent_encoding_is_not_decoded() {
        let cases = [("a%20b", Some("a b")), ("%c3%A9", Some("é")), ("a+b", Some("a+b")), ("%2525", Some("%25"))];
        for (encoded, decoded) in cases {
            assert_eq!(decode(encoded).as_deref(), decoded, "{encoded}");
        }
        for encoded in ["%", "a%", "%2", "%zz", "%+1", "%é", "%u0041", "%FF", "%C0%AF", "%ED%A0%80"] {
            assert_eq!(decode(encoded), None, "{encoded}");
        }
    }
}

//! Says in the user's words why a server does not respond.

use std::{error::Error, io, time::Duration};

use http_sd_lambda::config::variable;
use reqwest::Url;
use rustls::{CertificateError, Error as TlsError};
use thiserror::Error;
use tokio::{net::lookup_host, time::timeout};

/// The longest wait for the address of a host.
const LOOKUP_WITHIN: Duration = Duration::from_secs(3);
/// The variables that send requests through a proxy, which then looks up the host.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Why a connection fails.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ConnectionFault {
    #[error("host {0} not found")]
    HostNotFound(String),
    #[error("{0} refuses the connection")]
    Refused(String),
    #[error("no route to {0}")]
    NoRoute(String),
    #[error("{0} does not respond in time")]
    TimedOut(String),
    #[error("{0} closes the connection without a response")]
    Closed(String),
    #[error("{0} does not respond in TLS")]
    NotTls(String),
    #[error("{0} does not respond in HTTP")]
    NotHttp(String),
    #[error("{0} and this program have no TLS version or cipher in common")]
    Incompatible(String),
    #[error("{server} refuses the TLS connection with the alert {alert}")]
    Alert { server: String, alert: String },
    #[error("the certificate of {server} {problem}")]
    Certificate { server: String, problem: CertificateFault },
}

/// Why a certificate is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum CertificateFault {
    #[error("is signed by an unknown authority")]
    UnknownIssuer,
    #[error("has expired")]
    Expired,
    #[error("is not valid yet")]
    NotValidYet,
    #[error("is for another host")]
    OtherHost,
    #[error("is the one of an authority, not of a server")]
    Authority,
    #[error("is revoked")]
    Revoked,
    #[error("is malformed, or its signature is invalid")]
    Malformed,
    #[error("is not permitted for a server")]
    Purpose,
}

impl ConnectionFault {
    /// Returns the fault of a failed request to `url`, or `None` if its kind is unknown.
    pub(crate) fn of<'u>(
        url: &'u Url,
        error: &(dyn Error + 'static),
    ) -> impl Future<Output = Option<Self>> + Send + use<'u> {
        let host = url.host_str().unwrap_or_default();
        let server = url.port_or_known_default().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        let fault = causes(error).find_map(|cause| Self::of_cause(&server, cause));
        async move {
            if fault.is_some() || PROXIES.iter().any(|name| variable(name).is_some()) {
                return fault;
            }
            // The HTTP clients do not tell a failed look-up from other faults.
            let lookup = timeout(LOOKUP_WITHIN, lookup_host((url.domain()?, 0))).await;
            matches!(lookup, Ok(Err(_))).then(|| Self::HostNotFound(host.to_owned()))
        }
    }

    fn of_cause(server: &str, cause: &(dyn Error + 'static)) -> Option<Self> {
        let server = || server.to_owned();
        if let Some(error) = cause.downcast_ref::<TlsError>() {
            return match error {
                TlsError::InvalidCertificate(error) => {
                    Some(Self::Certificate { server: server(), problem: CertificateFault::of(error) })
                }
                TlsError::InvalidMessage(_) => Some(Self::NotTls(server())),
                TlsError::PeerIncompatible(_) => Some(Self::Incompatible(server())),
                TlsError::AlertReceived(alert) => {
                    Some(Self::Alert { server: server(), alert: alert.as_str().unwrap_or("unknown").into() })
                }
                _ => None,
            };
        }
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            // The parser of responses sees a TLS alert.
            return if error.is_parse() {
                Some(Self::NotHttp(server()))
            } else if error.is_incomplete_message() {
                Some(Self::Closed(server()))
            } else {
                None
            };
        }
        match cause.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::ConnectionRefused => Some(Self::Refused(server())),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Some(Self::NoRoute(server())),
            io::ErrorKind::TimedOut => Some(Self::TimedOut(server())),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => {
                Some(Self::Closed(server()))
            }
            _ => None,
        }
    }

    /// Returns what to do, a sentence. `trust` says how to trust another authority.
    pub(crate) fn remedy(&self, trust: &str) -> String {
        match self {
            Self::HostNotFound(_) => "Check the host, the region and the network".into(),
            Self::Refused(_) => "Check the host and the port, and start the server".into(),
            Self::NoRoute(_) | Self::TimedOut(_) => "Check the network and its firewalls".into(),
            Self::Closed(_) => "Try again. If the port expects TLS, use https://".into(),
            Self::NotTls(_) => "If the port expects HTTP without TLS, use http://".into(),
            Self::NotHttp(_) => "If the port expects TLS, use https://".into(),
            Self::Incompatible(_) => "Enable TLS 1.2 or 1.3 on the server".into(),
            Self::Alert { .. } => "Check the TLS settings of the server".into(),
            Self::Certificate { problem, .. } => match problem {
                CertificateFault::UnknownIssuer => trust.into(),
                CertificateFault::Expired => "Renew the certificate, or correct the clock of this machine".into(),
                CertificateFault::NotValidYet => "Correct the clock of this machine".into(),
                CertificateFault::OtherHost => "Use a host name of the certificate, or renew it for this host".into(),
                CertificateFault::Authority | CertificateFault::Purpose => {
                    "Give the server a certificate of its own, with basicConstraints CA:FALSE".into()
                }
                CertificateFault::Revoked | CertificateFault::Malformed => "Renew the certificate".into(),
            },
        }
    }
}

impl CertificateFault {
    fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotValidYet,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::OtherHost,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::Purpose,
            CertificateError::Other(other)
                if matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) =>
            {
                Self::Authority
            }
            _ => Self::Malformed,
        }
    }
}

/// Returns the error and its causes. An [`io::Error`] can contain the cause that its `source` skips.
pub(crate) fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    })
}

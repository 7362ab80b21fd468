//! Servers over TLS, with a certificate of a private authority.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use super::{Dynamo, Endpoint, background::Background};

/// A TLS endpoint. It stops when it is dropped.
pub struct TlsDynamo {
    endpoint: Endpoint,
    _server: Background,
    folder: TempDir,
}

impl TlsDynamo {
    /// Starts an endpoint that forwards to `dynamo`.
    pub fn before(dynamo: &Dynamo) -> Self {
        let (folder, engine) = (TempDir::new().unwrap(), dynamo.address);
        let (authority, config) = identity(Identity::Good);
        fs::write(folder.path().join("authority.pem"), authority).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = Background::start(move |listener| async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // The handshake fails if the client does not trust the certificate.
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut engine = TcpStream::connect(engine).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut engine).await;
                });
            }
        });
        let endpoint = dynamo.endpoint().at(format_args!("https://localhost:{}", server.address.port()));
        Self { endpoint, _server: server, folder }
    }

    /// Returns the endpoint's URL and access key.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// Returns the file with the authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }
}

/// The certificate of a [`TlsServer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    Good,
    Expired,
    /// For another host.
    OtherName,
    /// The certificate of the authority itself.
    Authority,
}

/// A server over TLS, which responds to every request with a list of one target.
pub struct TlsServer {
    server: Background,
    folder: TempDir,
}

impl TlsServer {
    pub fn start(identity: Identity) -> Self {
        let folder = TempDir::new().unwrap();
        let (authority, config) = self::identity(identity);
        fs::write(folder.path().join("authority.pem"), authority).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = Background::start(move |listener| async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let _ = client.read(&mut [0; 4096]).await;
                    let body = r#"[{"targets":["a:1"]}]"#;
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                    let text = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    let _ = client.write_all(text.as_bytes()).await;
                    let _ = client.shutdown().await;
                });
            }
        });
        Self { server, folder }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address().port())
    }

    /// Returns the file with the authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }
}

/// Creates an authority, and a server with a certificate from it.
fn identity(identity: Identity) -> (String, ServerConfig) {
    let (key, mut authority) = (KeyPair::generate().unwrap(), CertificateParams::default());
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    let of_authority = authority.self_signed(&key).unwrap();
    let pem = of_authority.pem();
    let (certificate, key) = if identity == Identity::Authority {
        (of_authority, key)
    } else {
        let issuer = Issuer::new(authority, key);
        let key = KeyPair::generate().unwrap();
        let name = if identity == Identity::OtherName { "elsewhere.example" } else { "localhost" };
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        if identity == Identity::Expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        (params.signed_by(&key, &issuer).unwrap(), key)
    };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (pem, config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
}

//! Servers over TLS, with a certificate of a private authority.

use std::{fs, io, net::SocketAddr, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
    server::TlsStream,
};

use super::background::Background;

/// The certificate of a [`TlsServer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    Good,
    Expired,
    /// For this host instead of localhost.
    For(&'static str),
    /// The certificate of the authority itself.
    Authority,
}

/// A server over TLS. It stops when it is dropped.
pub struct TlsServer {
    server: Background,
    folder: TempDir,
}

impl TlsServer {
    /// Starts a server that responds to every request with a list of one target.
    pub fn start(identity: Identity) -> Self {
        Self::serve(identity, |mut client| async move {
            let _ = client.read(&mut [0; 4096]).await;
            let body = r#"[{"targets":["a:1"]}]"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            let text = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            client.write_all(text.as_bytes()).await?;
            client.shutdown().await
        })
    }

    /// Starts a server that forwards to the server at `address`.
    pub fn before(address: SocketAddr, identity: Identity) -> Self {
        Self::serve(identity, move |mut client| async move {
            let mut server = TcpStream::connect(address).await?;
            copy_bidirectional(&mut client, &mut server).await.map(|_| ())
        })
    }

    fn serve<S>(identity: Identity, respond: impl Fn(TlsStream<TcpStream>) -> S + Clone + Send + 'static) -> Self
    where
        S: Future<Output = io::Result<()>> + Send + 'static,
    {
        let folder = TempDir::new().unwrap();
        let (authority, config) = self::identity(identity);
        fs::write(folder.path().join("authority.pem"), authority).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = Background::start(move |listener| async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (acceptor, respond) = (acceptor.clone(), respond.clone());
                tokio::spawn(async move {
                    // The handshake fails if the client does not trust the certificate.
                    let client = acceptor.accept(client).await?;
                    respond(client).await
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
        let name = if let Identity::For(host) = identity { host } else { "localhost" };
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

//! An engine's endpoint over TLS, with a certificate of a private authority.

use std::{fs, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::{io::copy_bidirectional, net::TcpStream};
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
        let (authority, config) = identity();
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

/// Creates an authority, and a server with a certificate from it.
fn identity() -> (String, ServerConfig) {
    let (key, mut authority) = (KeyPair::generate().unwrap(), CertificateParams::default());
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (pem, config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
}

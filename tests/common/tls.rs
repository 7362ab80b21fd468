//! An engine's endpoint over TLS, with a certificate of an authority that nobody knows.

use std::{fs, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::{io::copy_bidirectional, net::TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use super::{Dynamo, Endpoint, background::Background};

/// The endpoint. It stops when it is dropped.
pub struct TlsDynamo {
    endpoint: Endpoint,
    _server: Background,
    folder: TempDir,
}

impl TlsDynamo {
    /// An endpoint that passes everything on to `dynamo`.
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
                    // A client that does not trust the certificate goes away.
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut engine = TcpStream::connect(engine).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut engine).await;
                });
            }
        });
        let endpoint = dynamo.endpoint().at(format_args!("https://localhost:{}", server.address.port()));
        Self { endpoint, _server: server, folder }
    }

    /// Where it is.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// The certificate of its authority, as a file.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }
}

/// An authority, and a server with a certificate of it.
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

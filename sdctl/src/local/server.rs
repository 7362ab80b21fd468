//! Serves the function's service on a port of this machine, in place of Lambda and a Function URL.

use std::{
    net::SocketAddr,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::Request;
use http_sd_lambda::http::{Call, Service};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// The longest time without progress before the server closes a connection.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The pause after a failed accept. Accepting fails while the process has no free file descriptor.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Serves until `shutdown` resolves and the current requests finish.
///
/// Closes a connection if the complete head of its next request does not arrive within `patience`, or if the client
/// reads nothing of a response for that time. A silent client would otherwise occupy descriptors and memory forever.
pub async fn serve(listener: TcpListener, service: Service, patience: Duration, shutdown: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience);
    let connections = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, caller) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut shutdown => break,
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(patience));
        let service = service.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(call(caller));
            request
        });
        let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service));
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%caller, %error, "a connection failed");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// Returns the next connection. Retries after every error, because the system may accept a connection later.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection: retrying");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

/// Returns the call data that Lambda would provide for a request from this address.
fn call(caller: SocketAddr) -> Call {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    Call {
        request_id: format!("local-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        source_ip: Some(caller.ip().to_string()),
        ..Call::default()
    }
}

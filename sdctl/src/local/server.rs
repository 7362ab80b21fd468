//! The service on a port of this machine, as Lambda and a Function URL serve it elsewhere.

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

/// How long a client that does nothing is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// When to try again after the system has refused a connection, which it does when there are no descriptors left.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Serves until `shutdown` resolves and the requests under way are done.
///
/// A connection is closed when the whole head of a request, the first or the next one, does not come within `patience`, or
/// when its client takes nothing of an answer for so long: whoever is silent must not keep descriptors and memory for
/// ever.
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
                tracing::debug!(%caller, %error, "a connection was closed");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// The next connection. Whatever the system says in place of it, it may have one later.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted: trying again");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

/// What the server knows of a call from that address.
fn call(caller: SocketAddr) -> Call {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    Call {
        request_id: format!("local-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        source_ip: Some(caller.ip().to_string()),
        ..Call::default()
    }
}

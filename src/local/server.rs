//! The service on a port of this machine, as Lambda and a Function URL serve it elsewhere.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
};
use http::Response;
use tokio::{net::TcpListener, time::Instant};

use super::LocalError;
use crate::service::{Request, Service, TIMEOUT};

/// Serves until `shutdown` resolves and the requests under way are done.
///
/// # Errors
/// [`LocalError::Serve`] if the server stops by itself.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), LocalError> {
    let router = Router::new().fallback(answer).with_state(Arc::new(service));
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(shutdown)
        .await
        .map_err(|e| LocalError::Serve(e.to_string()))
}

async fn answer(
    State(service): State<Arc<Service>>,
    ConnectInfo(caller): ConnectInfo<SocketAddr>,
    request: http::Request<Body>,
) -> Response<Body> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let (parts, _) = request.into_parts();
    let request = Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        request_id: format!("local-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        deadline: Instant::now() + TIMEOUT,
        iam_caller: None,
        source_ip: Some(caller.ip().to_string()),
    };
    service.respond(&request).await.map(Body::new)
}

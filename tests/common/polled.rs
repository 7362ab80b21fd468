//! The function on a local port, where a test records the polls and lets them fail.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use ::http::{
    HeaderMap, HeaderName, Request, Response,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, USER_AGENT},
};
use axum::{Router, body::Body, extract::State, serve::ListenerExt};
use futures_util::stream;
use http_sd_lambda::http::{Call, Service};
use tokio::time::Instant;
use tower::ServiceExt;

use super::background::Background;

/// The function on a local port.
pub struct Polled {
    server: Background,
    inner: Arc<Inner>,
}

struct Inner {
    service: Mutex<Service>,
    deadline: Mutex<Option<Duration>>,
    resets: Mutex<bool>,
    polls: Mutex<Vec<Poll>>,
}

/// A poll and its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    pub user_agent: String,
    pub accept_encoding: String,
    pub status: u16,
    pub content_encoding: String,
}

impl Polled {
    pub fn start(service: Service) -> Self {
        let inner = Arc::new(Inner {
            service: Mutex::new(service),
            deadline: Mutex::default(),
            resets: Mutex::default(),
            polls: Mutex::default(),
        });
        let router = Router::new().fallback(respond).with_state(inner.clone());
        let server = Background::start(|listener| async {
            // With zero linger, a connection that closes during a response is reset.
            let listener = listener.tap_io(|stream| stream.set_zero_linger().unwrap());
            axum::serve(listener, router).await.unwrap();
        });
        Self { server, inner }
    }

    /// Returns the URL of a path of the function.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    /// Replaces the function.
    pub fn serve(&self, service: Service) {
        *self.inner.service.lock().unwrap() = service;
    }

    /// Sets the time in which the function must respond, or its own default.
    pub fn set_deadline(&self, deadline: Option<Duration>) {
        *self.inner.deadline.lock().unwrap() = deadline;
    }

    /// Resets the connection of each poll before the body, or stops that.
    pub fn reset_connections(&self, resets: bool) {
        *self.inner.resets.lock().unwrap() = resets;
    }

    /// Returns the polls since the last call.
    pub fn take_polls(&self) -> Vec<Poll> {
        std::mem::take(&mut *self.inner.polls.lock().unwrap())
    }
}

async fn respond(State(inner): State<Arc<Inner>>, mut request: Request<Body>) -> Response<Body> {
    let text = |headers: &HeaderMap, name: HeaderName| {
        headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let user_agent = text(request.headers(), USER_AGENT);
    let accept_encoding = text(request.headers(), ACCEPT_ENCODING);
    let service = inner.service.lock().unwrap().clone();
    let deadline = inner.deadline.lock().unwrap().map(|time| Instant::now() + time);
    request.extensions_mut().insert(Call { request_id: "polled".into(), deadline, ..Call::default() });
    let Ok::<_, Infallible>(response) = service.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = body.into_vec();
    inner.polls.lock().unwrap().push(Poll {
        user_agent,
        accept_encoding,
        status: parts.status.as_u16(),
        content_encoding: text(&parts.headers, CONTENT_ENCODING),
    });
    if *inner.resets.lock().unwrap() {
        // The server closes the connection when a body fails.
        let body = stream::iter([Err::<Vec<u8>, _>(io::Error::other("reset"))]);
        return Response::from_parts(parts, Body::from_stream(body));
    }
    Response::from_parts(parts, Body::from(body))
}

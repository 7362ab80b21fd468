//! Whether the endpoint accepts connections.

use std::{net::SocketAddr, thread, time::Duration};

use tokio::{net::TcpListener, sync::watch};

/// The wanted state of the endpoint, and its actual state.
pub(super) struct Gate {
    wanted: watch::Sender<bool>,
    actual: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { wanted: watch::Sender::new(true), actual: watch::Sender::new(true) }
    }
}

impl Gate {
    pub(super) async fn to_be_closed(&self) {
        let _ = self.wanted.subscribe().wait_for(|open| !open).await;
    }

    pub(super) async fn to_be_opened(&self) {
        let _ = self.wanted.subscribe().wait_for(|open| *open).await;
    }

    /// Sets the actual state.
    pub(super) fn is_now(&self, open: bool) {
        self.actual.send_replace(open);
    }

    /// Closes the endpoint. For the server's own thread.
    pub(super) async fn close(&self) {
        self.wanted.send_replace(false);
        let _ = self.actual.subscribe().wait_for(|open| !open).await;
    }

    /// Closes the endpoint. For any other thread.
    pub(super) fn close_and_wait(&self) {
        self.turn(false);
    }

    /// Opens the endpoint. For any other thread.
    pub(super) fn open_and_wait(&self) {
        self.turn(true);
    }

    fn turn(&self, open: bool) {
        self.wanted.send_replace(open);
        while *self.actual.borrow() != open {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Listens at the former address again. Another connection may use the port for a moment.
pub(super) async fn listen_again(address: SocketAddr) -> TcpListener {
    let mut tries = 0;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => assert!(tries < 1000, "cannot listen on {address} again: {error}"),
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

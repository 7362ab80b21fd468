//! Servers that each run on their own thread and port.

use std::{net::SocketAddr, sync::mpsc, thread::JoinHandle};

use tokio::{net::TcpListener, runtime, sync::oneshot};

/// A server that stops when it is dropped. It stops at once: an idle connection of a client must not delay the test.
pub struct Background {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts a server with a listener on a free port.
    pub fn start<S: Future<Output = ()>>(server: impl FnOnce(TcpListener) -> S + Send + 'static) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (send_address, address) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                send_address.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = server(listener) => panic!("the server stopped by itself"),
                    _ = stopped => {}
                }
            });
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    /// Returns the server's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts a server with this router.
    pub fn router(router: axum::Router) -> Self {
        Self::start(|listener| async { axum::serve(listener, router).await.unwrap() })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

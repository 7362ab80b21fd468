//! Servers that run on a thread and a port of their own.

use std::{net::SocketAddr, sync::mpsc, thread::JoinHandle};

use tokio::{net::TcpListener, runtime, sync::oneshot};

/// A server that stops when it is dropped, at once: a client's idle connection must not hold up the test.
pub struct Background {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts a server, which is given its listener.
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

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts a server that answers with that router.
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

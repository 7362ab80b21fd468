//! Slow or silent clients of `sdctl serve`: it disconnects them, and serves others meanwhile.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use http_sd_lambda::http::{ResponseMode, Settings};
use sdctl::local;
use tempfile::TempDir;
use test_support::{
    Dynamo, ask, http,
    row::{put_all, tenths_of_a_page},
    sdctl::{serve, shell},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};

/// The time for which the server waits for a client.
const PATIENCE: Duration = Duration::from_millis(500);
/// The time for which a test waits for the server.
const GIVE_UP: Duration = Duration::from_mins(1);

/// A server whose responses of several megabytes exceed the system's buffers for a client that does not read.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(dynamo: &Dynamo) -> Self {
        put_all(dynamo, tenths_of_a_page(120)).await;
        let settings = Settings { response_mode: ResponseMode::Stream, ..Settings::default() };
        let service = ask::service(dynamo, settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        Self { address, stop, serving: tokio::spawn(local::serve(listener, service, PATIENCE, shutdown)) }
    }

    /// Stops accepting connections, and waits until the server has closed the open ones.
    async fn stop(self) {
        drop(self.stop);
        let served = timeout(GIVE_UP, self.serving).await;
        served.unwrap_or_else(|_| panic!("the server keeps a connection open")).unwrap();
    }
}

fn connect(address: SocketAddr, first: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(GIVE_UP)).unwrap();
    socket.write_all(first.as_bytes()).unwrap();
    socket
}

/// Returns the bytes until the server closes the connection.
fn rest(mut socket: TcpStream) -> String {
    let mut answer = Vec::new();
    if let Err(error) = socket.read_to_end(&mut answer) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "the server did not close the connection");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_disconnects_clients_that_send_too_slowly() {
    let dynamo = Dynamo::with_table().await;
    let server = Server::start(&dynamo).await;
    let healthy = "GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n";
    let silent = connect(server.address, "");
    let half = connect(server.address, "GET /prom HTTP/1.1\r\nhost");
    let once = connect(server.address, healthy);
    let no_body = connect(server.address, "GET /-/healthy HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n");
    let mut drop_by_drop = connect(server.address, "GET /prom HTTP/1.1\r\n");
    assert_eq!(http::get(&format!("http://{}/-/healthy", server.address), None).unwrap().0, 200);
    // Each byte arrives in time, but the whole request does not. The server sends nothing before it closes the
    // connection.
    drop_by_drop.set_read_timeout(Some(PATIENCE / 10)).unwrap();
    while drop_by_drop.write_all(b"x").is_ok() {
        let hung_up = drop_by_drop.read(&mut [0]);
        if !hung_up.is_err_and(|error| [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind())) {
            break;
        }
    }
    assert_eq!((rest(silent), rest(half)), (String::new(), String::new()));
    for answered in [once, no_body].map(rest) {
        assert!(answered.starts_with("HTTP/1.1 200 ") && answered.ends_with(r#"{"status":"healthy"}"#), "{answered}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_disconnects_clients_that_do_not_read() {
    let dynamo = Dynamo::with_table().await;
    let server = Server::start(&dynamo).await;
    let (status, whole) = http::get(&format!("http://{}/prom/node", server.address), None).unwrap();
    assert_eq!(status, 200);
    let socket = connect(server.address, "GET /prom/node HTTP/1.1\r\nhost: x\r\n\r\n");
    // The response has begun.
    socket.peek(&mut [0]).unwrap();
    server.stop().await;
    assert!(rest(socket).len() < whole.len(), "the server keeps sending to a client that does not read");
}

#[test]
fn serve_recovers_after_running_out_of_descriptors() {
    let data = TempDir::new().unwrap();
    let line = "ulimit -n 64 && exec sdctl serve --port 0 --dynamodb-port 0 --sample --data $DATA";
    let mut served = serve(shell(line).env("DATA", data.path()));
    let address = served.url.strip_prefix("http://").unwrap().parse().unwrap();
    let silent: Vec<TcpStream> = (0..100).map(|_| connect(address, "")).collect();
    served.process.wait_for("cannot accept a connection");
    drop(silent);
    assert_eq!(served.get("/prom/node_exporter", None).0, 200);
}

//! A DynamoDB endpoint that fails on purpose. It is a proxy before a real engine and speaks the real protocol. So tests
//! exercise the real SDK with its retries and time-outs.

mod asked;
mod gate;
mod hold;
mod kind;
mod play;
mod stream;
mod wire;

pub use asked::{Asked, STREAM_OPERATIONS};
pub use hold::{Held, Waiting};
pub use kind::{FAULTS, Fault};
pub use stream::InventedStream;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
};

use http_sd_lambda::table::Table;
use sdctl::store::Store;
use tokio::net::{TcpListener, TcpStream};

use self::{asked::PageNumbers, gate::Gate, hold::Hold, wire::Request};
use super::{Dynamo, Endpoint, background::Background, engine};

/// Chooses the fault of a request.
type Rule = dyn Fn(&Asked) -> Fault + Send + Sync;

/// An endpoint that fails by a rule. It stops when it is dropped.
pub struct FaultyDynamo {
    endpoint: Endpoint,
    _server: Background,
    proxy: Arc<Proxy>,
}

struct Proxy {
    engine: SocketAddr,
    /// The most rows of a page, if fewer than the engine's own limit.
    rows: Option<usize>,
    rule: Mutex<Arc<Rule>>,
    pages: PageNumbers,
    stream: OnceLock<InventedStream>,
    gate: Gate,
    hold: Hold,
}

impl FaultyDynamo {
    /// Starts an endpoint that forwards to `dynamo`.
    pub fn before(dynamo: &Dynamo) -> Self {
        Self::start(dynamo, None)
    }

    /// Starts an endpoint that forwards to `dynamo`, in pages of at most `rows` rows.
    pub fn with_pages_of(rows: usize, dynamo: &Dynamo) -> Self {
        Self::start(dynamo, Some(rows))
    }

    fn start(dynamo: &Dynamo, rows: Option<usize>) -> Self {
        let rule: Arc<Rule> = Arc::new(|_| Fault::None);
        let proxy = Arc::new(Proxy {
            engine: dynamo.address,
            rows,
            rule: Mutex::new(rule),
            pages: PageNumbers::default(),
            stream: OnceLock::new(),
            gate: Gate::default(),
            hold: Hold::default(),
        });
        let behind = proxy.clone();
        let server = Background::start(|listener| serve(listener, behind));
        let endpoint = dynamo.endpoint().at(format_args!("http://{}", server.address));
        Self { endpoint, _server: server, proxy }
    }

    /// Sets a rule. Its arguments are the operation, such as `Query`, and whether the request reads a page after the
    /// first.
    pub fn fail(&self, rule: impl Fn(&str, bool) -> Fault + Send + Sync + 'static) {
        self.fail_asked(move |asked| rule(&asked.operation, asked.page > 1));
    }

    /// Sets a rule.
    pub fn fail_asked(&self, rule: impl Fn(&Asked) -> Fault + Send + Sync + 'static) {
        *self.proxy.rule.lock().unwrap() = Arc::new(rule);
    }

    /// Replaces the stream of the table of `dynamo` by one with invented shards.
    pub fn invent_stream(&self, dynamo: &Dynamo) -> &InventedStream {
        self.proxy.stream.get_or_init(|| InventedStream::before(dynamo))
    }

    /// Holds the requests for which `which` returns true, until the test releases them.
    pub fn hold(&self, which: impl Fn(&Asked) -> bool + Send + 'static) -> Held {
        self.proxy.hold.set(which)
    }

    /// Closes all connections, and refuses new ones.
    pub fn refuse(&self) {
        self.proxy.gate.close_and_wait();
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.fail_asked(|_| Fault::None);
        self.proxy.gate.open_and_wait();
    }

    /// Returns the endpoint's URL and access key.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// The table as the function reads it through this endpoint.
    pub fn table(&self) -> Table {
        Table::new(engine::client(&self.endpoint), engine::TABLE)
    }

    /// The client of the table's stream through this endpoint.
    pub fn stream_client(&self) -> aws_sdk_dynamodbstreams::Client {
        engine::stream_client(&self.endpoint)
    }

    /// The table as `sdctl` reads and writes it through this endpoint.
    pub fn store(&self) -> Store {
        Store::new(engine::client(&self.endpoint), engine::TABLE)
    }
}

/// Returns the address of an endpoint that closes each connection at once. It stops with the test process.
pub fn closing_endpoint() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    address
}

async fn serve(listener: TcpListener, proxy: Arc<Proxy>) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    loop {
        if let Some(open) = &listener {
            tokio::select! {
                accepted = open.accept() => {
                    tokio::spawn(converse(accepted.unwrap().0, proxy.clone()));
                }
                () = proxy.gate.to_be_closed() => {
                    listener = None;
                    proxy.gate.is_now(false);
                }
            }
        } else {
            proxy.gate.to_be_opened().await;
            listener = Some(gate::listen_again(address).await);
            proxy.gate.is_now(true);
        }
    }
}

/// Responds to the requests of a connection, until either side closes it.
async fn converse(mut stream: TcpStream, proxy: Arc<Proxy>) {
    // Head and body are separate writes. The second would wait for a delayed acknowledgement of the first.
    stream.set_nodelay(true).unwrap();
    loop {
        let request = tokio::select! {
            request = Request::read(&mut stream) => request,
            () = proxy.gate.to_be_closed() => return,
        };
        let Some(request) = request else { return };
        let asked = proxy.pages.asked(&request);
        let held = proxy.hold.wait(&asked).await;
        let rule = proxy.rule.lock().unwrap().clone();
        let fault = rule(&asked);
        let played = play::play(fault, &asked, &request, &proxy, &mut stream).await;
        drop(held);
        if played.is_err() {
            return;
        }
    }
}

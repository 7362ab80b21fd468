//! A DynamoDB endpoint that fails on purpose. It stands in front of a real engine and speaks the real protocol, so
//! that the real SDK, its retries and its time-outs are what is tested.

mod asked;
mod gate;
mod hold;
mod kind;
mod play;
mod wire;

pub use asked::Asked;
pub use hold::{Held, Waiting};
pub use kind::Fault;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http_sd_lambda::table::Table;
use sdctl::store::Store;
use tokio::net::{TcpListener, TcpStream};

use self::{asked::PageNumbers, gate::Gate, hold::Hold, wire::Request};
use super::{Dynamo, Endpoint, background::Background, engine};

/// The fault for a request.
type Rule = dyn Fn(&Asked) -> Fault + Send + Sync;

/// An endpoint that fails by a rule. It stops when it is dropped.
pub struct FaultyDynamo {
    endpoint: Endpoint,
    _server: Background,
    proxy: Arc<Proxy>,
}

struct Proxy {
    engine: SocketAddr,
    /// The most rows of a page, if not the engine's own limit.
    rows: Option<usize>,
    rule: Mutex<Arc<Rule>>,
    pages: PageNumbers,
    gate: Gate,
    hold: Hold,
}

impl FaultyDynamo {
    /// An endpoint that passes everything on to `dynamo`.
    pub fn before(dynamo: &Dynamo) -> Self {
        Self::start(dynamo, None)
    }

    /// An endpoint that passes everything on to `dynamo`, in pages of so many rows.
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
            gate: Gate::default(),
            hold: Hold::default(),
        });
        let behind = proxy.clone();
        let server = Background::start(|listener| serve(listener, behind));
        let endpoint = dynamo.endpoint().at(format_args!("http://{}", server.address));
        Self { endpoint, _server: server, proxy }
    }

    /// From now on requests fail by that rule, which is given the operation, such as `Query`, and whether a later page
    /// than the first is asked for.
    pub fn fail(&self, rule: impl Fn(&str, bool) -> Fault + Send + Sync + 'static) {
        self.fail_asked(move |asked| rule(&asked.operation, asked.page > 1));
    }

    /// From now on requests fail by that rule.
    pub fn fail_asked(&self, rule: impl Fn(&Asked) -> Fault + Send + Sync + 'static) {
        *self.proxy.rule.lock().unwrap() = Arc::new(rule);
    }

    /// From now on requests for which that holds wait until they are let go on.
    pub fn hold(&self, which: impl Fn(&Asked) -> bool + Send + 'static) -> Held {
        self.proxy.hold.set(which)
    }

    /// From now on connections are refused, and those that there are end.
    pub fn refuse(&self) {
        self.proxy.gate.close_and_wait();
    }

    /// From now on nothing fails.
    pub fn heal(&self) {
        self.fail_asked(|_| Fault::None);
        self.proxy.gate.open_and_wait();
    }

    /// Where it is.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// The table as the function sees it through this endpoint.
    pub fn table(&self) -> Table {
        Table::new(engine::client(&self.endpoint), engine::TABLE)
    }

    /// The table as `sdctl` sees it through this endpoint.
    pub fn store(&self) -> Store {
        Store::new(engine::client(&self.endpoint), engine::TABLE)
    }
}

/// The address of an endpoint that takes a connection and closes it without a word. It goes with the test process.
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

/// Answers the requests of a connection, until either side ends it.
async fn converse(mut stream: TcpStream, proxy: Arc<Proxy>) {
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

//! An embedded DynamoDB engine on a thread and a port of its own.

use std::{net::SocketAddr, sync::mpsc, thread::JoinHandle, time::Duration};

use aws_sdk_dynamodb::{Client, config::retry::RetryConfig, types::AttributeValue};
use http_sd_lambda::{
    local::{self, Engine},
    table::Table,
};
use tokio::{net::TcpListener, runtime, sync::oneshot};

pub const TABLE: &str = "http-sd";

/// A DynamoDB that stops when it is dropped.
pub struct Dynamo {
    pub address: SocketAddr,
    pub client: Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Dynamo {
    /// An engine without tables.
    pub fn start() -> Self {
        let (stop, stopped) = oneshot::channel();
        let (send_address, address) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                send_address.send(listener.local_addr().unwrap()).unwrap();
                let serving = Engine::in_memory().unwrap().serve(listener, std::future::pending());
                // Stopped at once: a client's idle connection must not hold up the test.
                tokio::select! {
                    served = serving => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        let address = address.recv().unwrap();
        Self { address, client: client(address), stop: Some(stop), thread: Some(thread) }
    }

    /// An engine with an empty table.
    pub async fn with_table() -> Self {
        let dynamo = Self::start();
        assert!(dynamo.table().create().await.unwrap());
        dynamo
    }

    pub fn table(&self) -> Table {
        Table::new(self.client.clone(), TABLE)
    }

    pub async fn delete(&self, job: &str, group: &str) {
        let delete = self.client.delete_item().table_name(TABLE);
        let delete = delete.key("job", AttributeValue::S(job.into())).key("group", AttributeValue::S(group.into()));
        delete.send().await.unwrap();
    }

    pub async fn delete_table(&self) {
        self.client.delete_table().table_name(TABLE).send().await.unwrap();
    }

    /// The environment in which any AWS SDK finds this engine.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", self.address)),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "local".into()),
            ("AWS_SECRET_ACCESS_KEY", "local".into()),
        ]
    }
}

impl Drop for Dynamo {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client that retries as often as the SDK's default, only without the long pauses.
pub fn client(address: SocketAddr) -> Client {
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(10));
    Client::from_conf(local::client(&format!("http://{address}")).config().to_builder().retry_config(retries).build())
}

//! A poll that waits between two pages while a test changes the table.

use std::time::Duration;

use http_sd_lambda::http::{Access, Service, Settings};
use tokio::task::JoinHandle;

use super::{
    Answer, Ask, Dynamo,
    fault::{FaultyDynamo, Waiting},
};

/// A poll of the job `node` that has read its first page of one row, and waits before its second page.
pub struct HalfPoll {
    poll: JoinHandle<Answer>,
    waiting: Waiting,
    _pages: FaultyDynamo,
}

impl HalfPoll {
    pub async fn start(dynamo: &Dynamo) -> Self {
        let pages = FaultyDynamo::with_pages_of(1, dynamo);
        let mut held = pages.hold(|asked| asked.operation == "Query" && asked.page == 2);
        let service = Service::new(pages.table(), Access::Open, Settings::default());
        let ask = Ask::get("/prom/node").within(Duration::from_mins(2));
        let poll = tokio::spawn(async move { ask.of(&service).await });
        let waiting = held.next().await;
        Self { poll, waiting, _pages: pages }
    }

    /// Lets the poll read the rest, and returns its targets without repetitions.
    pub async fn finish(self) -> Vec<String> {
        drop(self.waiting);
        let mut targets = self.poll.await.unwrap().targets();
        targets.sort();
        targets.dedup();
        targets
    }
}

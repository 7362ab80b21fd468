//! Requests that wait at the endpoint until a test releases them.

use std::{sync::Mutex, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::asked::Asked;

/// The time for which a test waits for a request.
const PATIENCE: Duration = Duration::from_mins(1);

type Which = dyn Fn(&Asked) -> bool + Send;

/// Which requests wait, and the channel that delivers them to the test.
#[derive(Default)]
pub(super) struct Hold(Mutex<Option<(Box<Which>, mpsc::UnboundedSender<Waiting>)>>);

/// The waiting requests, in order of arrival. Dropping this releases them and lets later requests pass.
pub struct Held(mpsc::UnboundedReceiver<Waiting>);

/// A waiting request. Dropping it releases the request.
pub struct Waiting {
    go_on: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Hold {
    pub(super) fn set(&self, which: impl Fn(&Asked) -> bool + Send + 'static) -> Held {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.0.lock().unwrap() = Some((Box::new(which), sender));
        Held(receiver)
    }

    /// Waits until the test releases the request. The caller drops the result after the response.
    pub(super) async fn wait(&self, asked: &Asked) -> Option<oneshot::Sender<()>> {
        let (go_on, released) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        {
            let hold = self.0.lock().unwrap();
            let (_, sender) = hold.as_ref().filter(|(which, _)| which(asked))?;
            sender.send(Waiting { go_on, ended }).ok()?;
        }
        let _ = released.await;
        Some(end)
    }
}

impl Held {
    /// Returns the next request.
    pub async fn next(&mut self) -> Waiting {
        timeout(PATIENCE, self.0.recv()).await.unwrap_or_else(|_| panic!("no request arrived")).unwrap()
    }
}

impl Waiting {
    /// Releases the request, and returns after its response.
    pub async fn pass(self) {
        drop(self.go_on);
        let _ = self.ended.await;
    }
}

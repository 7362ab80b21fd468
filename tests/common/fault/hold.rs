//! Requests that wait at the endpoint until a test lets them go on.

use std::{sync::Mutex, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::asked::Asked;

/// When a test gives up that waits for a request.
const PATIENCE: Duration = Duration::from_mins(1);

type Which = dyn Fn(&Asked) -> bool + Send;

/// Which requests have to wait, and where they are handed to.
#[derive(Default)]
pub(super) struct Hold(Mutex<Option<(Box<Which>, mpsc::UnboundedSender<Waiting>)>>);

/// The requests that wait, in the order in which they came. Once this is dropped, they go on and no other waits.
pub struct Held(mpsc::UnboundedReceiver<Waiting>);

/// A request that waits. It goes on once this is dropped.
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

    /// Waits until the request may go on. What is returned is to be dropped once it is answered.
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
    /// The next request, once it has come.
    pub async fn next(&mut self) -> Waiting {
        timeout(PATIENCE, self.0.recv()).await.unwrap_or_else(|_| panic!("no request has come")).unwrap()
    }
}

impl Waiting {
    /// Lets the request go on, and returns once it is answered.
    pub async fn pass(self) {
        drop(self.go_on);
        let _ = self.ended.await;
    }
}

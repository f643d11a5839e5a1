//! The way in: whoever asks the daemon something waits here for the answer. Checks nothing and does nothing.

use crate::command::{Command, ServiceOrder};
use tokio::sync::{mpsc, oneshot};

/// What came of it; the reason is for people.
pub type Answer = Result<(), String>;

/// Something asked, and where the answer goes. Who asked may have gone.
#[derive(Debug)]
pub struct Asked<T> {
    /// What.
    pub what: T,
    reply: oneshot::Sender<Answer>,
}

impl<T> Asked<T> {
    /// Takes it apart.
    pub fn answer_with(self) -> (T, impl FnOnce(Answer)) {
        let Self { what, reply } = self;
        (what, |answer| drop(reply.send(answer)))
    }
}

/// Where one kind of thing is asked.
#[derive(Debug)]
pub struct Door<T>(mpsc::Sender<Asked<T>>);

impl<T> Clone for Door<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What waits; who asks more waits too.
const WAITING: usize = 16;

impl<T> Door<T> {
    /// A door, and where what is asked comes out.
    pub fn new() -> (Self, mpsc::Receiver<Asked<T>>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Asks, and waits until it is done or refused.
    ///
    /// # Errors
    /// Why not, for people.
    pub async fn ask(&self, what: T) -> Answer {
        let (reply, answer) = oneshot::channel();
        let sent = self.0.send(Asked { what, reply }).await;
        sent.map_err(|_| ENDING.to_owned())?;
        answer.await.unwrap_or_else(|_| Err(ENDING.to_owned()))
    }
}

const ENDING: &str = "the daemon is ending";

/// Everything that may be asked of the daemon.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Of the engine.
    pub commands: Door<Command>,
    /// Of the process around it.
    pub service: Door<ServiceOrder>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_hears_what_came_of_it() {
        let (door, mut inside) = Door::new();
        let answering = async {
            let (what, answer) = inside.recv().await.unwrap().answer_with();
            answer(Err(format!("not {what}")));
        };
        let (answer, ()) = tokio::join!(door.ask(5), answering);
        assert_eq!(answer, Err("not 5".to_owned()));
    }

    #[tokio::test]
    async fn a_daemon_that_ends_is_no_reason_to_wait() {
        let (door, inside) = Door::new();
        drop(inside);
        assert_eq!(door.ask(()).await, Err(ENDING.to_owned()));
        let (door, mut inside) = Door::new();
        let dying = async { drop(inside.recv().await) };
        assert_eq!(tokio::join!(door.ask(()), dying).0, Err(ENDING.to_owned()));
    }
}

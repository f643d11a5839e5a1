//! Orders from their call to their answer: who gives it, whether it is allowed, what came of it. A bounded number at a time.

use super::fault::{Fault, Kind};
use super::polkit;
use super::table::{Order, What};
use crate::asking::Asker;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use zbus::{Connection, Message};

/// Together.
const MOST: usize = 32;
/// Of one user, that wait for polkit: it may take as long as somebody looks for a password, and others shall find room.
const MOST_OF_ONE_USER: usize = 4;
/// For the daemon to obey.
const PATIENCE: Duration = Duration::from_secs(25);

/// Those that wait for the bus, for polkit or for the daemon; calls that need not are answered meanwhile.
#[derive(Debug)]
pub(super) struct Orders {
    connection: Connection,
    asker: Asker,
    tasks: JoinSet<Step>,
    /// Questions to polkit, by the user they are about.
    questions: BTreeMap<u32, usize>,
}

/// An order and the call that gave it.
#[derive(Debug)]
struct Request {
    call: Message,
    order: Order,
}

/// What a task ends with.
#[derive(Debug)]
enum Step {
    /// Who gave it.
    Caller(Request, Result<u32, Fault>),
    /// Whether polkit lets this user.
    Judged(Request, u32, Result<(), Fault>),
    /// Done, or why not.
    Obeyed(Message, Result<(), Fault>),
}

impl Orders {
    pub(super) fn new(connection: Connection, asker: Asker) -> Self {
        Self { connection, asker, tasks: JoinSet::new(), questions: BTreeMap::new() }
    }

    /// Begins with one.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn take(&mut self, call: &Message, order: Order) -> Result<(), Fault> {
        if self.tasks.len() >= MOST {
            return Err(Kind::LimitsExceeded.because("too many orders wait already; try again"));
        }
        let (connection, request) = (self.connection.clone(), Request { call: call.clone(), order });
        self.tasks.spawn(async move {
            let user = match request.call.header().sender() {
                Some(sender) => polkit::user_of(&connection, sender).await,
                None => Err(Kind::AccessDenied.because("the call has no sender")),
            };
            Step::Caller(request, user)
        });
        Ok(())
    }

    /// The next that is to be answered; nothing while none waits. `own_user` is the daemon's. May be dropped while it waits.
    pub(super) async fn next(&mut self, own_user: Option<u32>) -> Option<(Message, Result<(), Fault>)> {
        loop {
            match self.tasks.join_next().await? {
                Ok(Step::Caller(request, Ok(user))) if user == ROOT || Some(user) == own_user => {
                    self.obey(request);
                }
                Ok(Step::Caller(request, Ok(user))) => {
                    if let Err(fault) = self.count(user) {
                        return Some((request.call, Err(fault)));
                    }
                    self.judge(request, user);
                }
                Ok(Step::Caller(request, Err(fault))) => return Some((request.call, Err(fault))),
                Ok(Step::Judged(request, user, verdict)) => {
                    self.uncount(user);
                    match verdict {
                        Ok(()) => self.obey(request),
                        Err(fault) => return Some((request.call, Err(fault))),
                    }
                }
                Ok(Step::Obeyed(call, result)) => return Some((call, result)),
                Err(error) => tracing::error!("An order of the bus has died: {error}"),
            }
        }
    }

    fn judge(&mut self, request: Request, user: u32) {
        let connection = self.connection.clone();
        self.tasks.spawn(async move {
            let header = request.call.header();
            let verdict = polkit::check(&connection, &header, request.order.action).await;
            drop(header);
            Step::Judged(request, user, verdict)
        });
    }

    fn obey(&mut self, request: Request) {
        let asker = self.asker.clone();
        self.tasks.spawn(async move {
            let result = match timeout(PATIENCE, ask(&asker, request.order.what)).await {
                Ok(answer) => answer.map_err(|reason| Kind::Failed.because(reason)),
                Err(_) => Err(Kind::Timeout.because("the daemon is busy and has not answered")),
            };
            Step::Obeyed(request.call, result)
        });
    }

    fn count(&mut self, user: u32) -> Result<(), Fault> {
        let count = self.questions.entry(user).or_default();
        if *count >= MOST_OF_ONE_USER {
            return Err(Kind::LimitsExceeded.because("too many orders of this user wait already; try again"));
        }
        *count += 1;
        Ok(())
    }

    fn uncount(&mut self, user: u32) {
        if let Some(count) = self.questions.get_mut(&user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.questions.remove(&user);
            }
        }
    }
}

const ROOT: u32 = 0;

async fn ask(asker: &Asker, what: What) -> crate::asking::Answer {
    match what {
        What::Command(command) => asker.commands.ask(command).await,
        What::Service(order) => asker.service.ask(order).await,
    }
}

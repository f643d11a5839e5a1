//! One connection to the bus, from its first call to its end: calls answered, orders given, changes told. Connects nothing.

use super::Seams;
use super::call::{Answer, answer};
use super::changes::Told;
use super::fault::Fault;
use super::host::Host;
use super::introspection::PROPERTIES;
use super::names::{self, Standing};
use super::orders::Orders;
use super::polkit::BUS;
use super::view::View;
use crate::time::Now;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use zbus::export::futures_core::Stream;
use zbus::message::{Flags, Type};
use zbus::{Connection, Message, MessageStream};

/// Until a name that was refused is asked for again.
const NAMES_PAUSE: Duration = Duration::from_secs(600);

/// The service on one connection.
pub(super) struct Service<'a, N> {
    seams: &'a mut Seams<N>,
    host: &'a mut Host,
    connection: Connection,
    messages: MessageStream,
    told: Told,
    orders: Orders,
    /// Asking for the names. Beside the loop: nothing arrives while calls that came before are not taken.
    naming: JoinSet<Standing>,
    standing: Option<Standing>,
    names_again: Option<Instant>,
}

impl<'a, N: Fn() -> Now + Send> Service<'a, N> {
    pub(super) fn new(seams: &'a mut Seams<N>, host: &'a mut Host, messages: MessageStream) -> Self {
        let snapshot = Arc::clone(&seams.snapshots.borrow_and_update());
        let told = Told::new(&View { snapshot: &snapshot, now: (seams.now)(), host });
        let connection = Connection::from(&messages);
        let orders = Orders::new(connection.clone(), seams.asker.clone());
        let mut naming = JoinSet::new();
        naming.spawn(names::take(connection.clone()));
        let (standing, names_again) = (None, None);
        Self { seams, host, connection, messages, told, orders, naming, standing, names_again }
    }

    /// Until the bus goes away, or the daemon ends.
    ///
    /// # Errors
    /// What was wrong with the bus, if it says.
    pub(super) async fn run(&mut self) -> zbus::Result<()> {
        loop {
            let own_user = self.standing.as_ref().and_then(|standing| standing.user);
            tokio::select! {
                message = next(&mut self.messages) => match message {
                    Some(message) => self.on_message(&message?).await?,
                    None => return Ok(()),
                },
                Some((call, result)) = self.orders.next(own_user) => {
                    self.reply(&call, result.map(|()| Answer::Nothing)).await?;
                }
                changed = self.seams.snapshots.changed() => match changed {
                    Ok(()) => self.tell_changes().await?,
                    Err(_) => return Ok(()),
                },
                Some(Ok(standing)) = self.naming.join_next() => self.on_names(standing),
                () = until(self.names_again) => {
                    self.names_again = None;
                    self.naming.spawn(names::take(self.connection.clone()));
                }
            }
        }
    }

    async fn on_message(&mut self, message: &Message) -> zbus::Result<()> {
        match message.message_type() {
            Type::MethodCall => self.on_call(message).await,
            Type::Signal => {
                self.on_signal(message);
                Ok(())
            }
            // Whoever waits for them has them already.
            Type::MethodReturn | Type::Error => Ok(()),
        }
    }

    async fn on_call(&mut self, call: &Message) -> zbus::Result<()> {
        let answer = self.look(|view| answer(call, view));
        let answer = match answer {
            Ok(Answer::Order(order)) => match self.orders.take(call, order) {
                Ok(()) => return Ok(()),
                Err(fault) => Err(fault),
            },
            answer => answer,
        };
        self.reply(call, answer).await
    }

    /// The bus tells of the names that we are given, and of those that are taken from us.
    fn on_signal(&mut self, signal: &Message) {
        let header = signal.header();
        if header.sender().is_none_or(|sender| sender.as_str() != BUS) {
            return;
        }
        let is_ours = match header.member().map(|member| member.as_str()) {
            Some("NameAcquired") => true,
            Some("NameLost") => false,
            _ => return,
        };
        let body = signal.body();
        if let (Ok(name), Some(standing)) = (body.deserialize::<&str>(), &mut self.standing)
            && let Some(news) = standing.on_owner_change(name, is_ours)
        {
            tracing::info!("{news}");
        }
    }

    fn on_names(&mut self, standing: Standing) {
        if self.standing.as_ref() != Some(&standing) {
            tracing::info!("{standing}");
        }
        self.names_again = standing.is_refused().then(|| Instant::now() + NAMES_PAUSE);
        self.standing = Some(standing);
    }

    async fn tell_changes(&mut self) -> zbus::Result<()> {
        let snapshot = Arc::clone(&self.seams.snapshots.borrow_and_update());
        let news = self.told.news(&View { snapshot: &snapshot, now: (self.seams.now)(), host: self.host });
        for (object, changed) in news {
            let nobody: Option<&str> = None;
            let body = (object.interface.name, changed, Vec::<&str>::new());
            let (path, member) = (object.path, "PropertiesChanged");
            self.connection.emit_signal(nobody, path, PROPERTIES, member, &body).await?;
        }
        Ok(())
    }

    fn look<T>(&self, at: impl FnOnce(&View<'_>) -> T) -> T {
        let snapshot = Arc::clone(&self.seams.snapshots.borrow());
        at(&View { snapshot: &snapshot, now: (self.seams.now)(), host: self.host })
    }

    /// Answers a call whose sender wants to hear of it.
    async fn reply(&mut self, call: &Message, answer: Result<Answer, Fault>) -> zbus::Result<()> {
        let header = call.header();
        if header.primary().flags().contains(Flags::NO_REPLY_EXPECTED) {
            return Ok(());
        }
        let done = Message::method_return(&header);
        let message = match answer {
            Ok(Answer::Nothing | Answer::Order(_)) => done.build(&()),
            Ok(Answer::Text(text)) => done.build(&text),
            Ok(Answer::Value(value)) => done.build(&value),
            Ok(Answer::Values(values)) => done.build(&values),
            Err(fault) => Message::error(&header, fault.name()).build(&fault.words),
        };
        self.connection.send(&message?).await
    }
}

async fn next(messages: &mut MessageStream) -> Option<zbus::Result<Message>> {
    poll_fn(|context| Pin::new(&mut *messages).poll_next(context)).await
}

/// For ever without a time.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

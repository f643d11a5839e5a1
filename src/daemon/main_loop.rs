//! The one loop that owns the engine: events in, actions performed. Decides nothing about time.

use super::alarm::Alarm;
use super::client_sockets::{ClientSockets, SocketEvent};
use super::clock::Clock;
use super::clock_watcher::{Change, ClockWatcher};
use super::key_client::{self, KeyClient};
use super::leap_file::LeapFile;
use super::publisher::Publisher;
use super::resolver::Resolver;
use super::startup_error::StartupError;
use super::telling::tell;
use crate::asking::Asked;
use crate::command::Command;
use crate::config::Config;
use crate::engine::{Action, Engine, Event, QueryId};
use crate::notify::Reporter;
use crate::observation::State;
use crate::sys;
use crate::time::{Adjustment, Applied, Leap, Now};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::path::PathBuf;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// The engine, and everything that its actions are performed with.
#[derive(Debug)]
pub(super) struct MainLoop {
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    pub(super) watcher: ClockWatcher,
    pub(super) alarm: Alarm,
    pub(super) sockets: ClientSockets,
    pub(super) socket_events: mpsc::Receiver<SocketEvent>,
    pub(super) resolver: Resolver,
    pub(super) answers: mpsc::Receiver<(QueryId, Result<Vec<IpAddr>, String>)>,
    pub(super) key_client: KeyClient,
    pub(super) keys: mpsc::Receiver<key_client::Outcome>,
    pub(super) commands: mpsc::Receiver<Asked<Command>>,
    pub(super) configurations: mpsc::Receiver<Asked<Box<Config>>>,
    /// In force.
    pub(super) config: Config,
    pub(super) publisher: Publisher,
    pub(super) leap_file: Option<LeapFile>,
    /// Whether servers that networks give out are wanted.
    pub(super) link_servers: watch::Sender<bool>,
    pub(super) reporter: Reporter,
}

/// What woke the loop.
enum Input {
    Stop,
    Timer,
    Socket(SocketEvent),
    Answer(QueryId, Result<Vec<IpAddr>, String>),
    Keys(key_client::Outcome),
    Asked(Asked<Command>),
    Configured(Asked<Box<Config>>),
    ClockSet,
    NetworkChanged,
    Save,
    LookAtLeapFile,
}

impl MainLoop {
    /// Runs until `stop`, or until the clock cannot or may not be corrected; either way no slew goes on without us.
    ///
    /// # Errors
    /// Exit code 70: a panic threshold, or the kernel's refusal.
    pub(super) async fn run(&mut self, stop: &CancellationToken) -> Result<(), StartupError> {
        let result = self.turn_until(stop).await;
        self.reporter.stopping(result.as_ref().err().map(|error| error.message.as_str()));
        self.end_slew();
        // What led to a panic is not worth keeping.
        if result.is_ok() {
            let clock = self.clock.now().clock;
            self.publisher.save(self.engine.drift(), clock);
            self.publisher.save_sessions(self.engine.take_sessions(), clock);
        }
        result
    }

    async fn turn_until(&mut self, stop: &CancellationToken) -> Result<(), StartupError> {
        for notice in self.engine.opening_notices() {
            tell(&notice, false, &self.clock);
        }
        if let Some(table) = self.leap_file.as_ref().and_then(LeapFile::table) {
            let table = table.clone();
            self.handle(Event::LeapTable(Some(table)))?;
        }
        self.handle(Event::Timer)?;
        self.publish();
        self.reporter.ready(sys::clock::monotonic());
        loop {
            let input = self.next_input(stop).await?;
            self.notice_jumps(matches!(input, Input::ClockSet))?;
            match input {
                Input::Stop => return Ok(()),
                Input::Timer => self.handle(Event::Timer)?,
                Input::Socket(event) => self.on_socket(event)?,
                Input::Answer(query, result) => self.handle(Event::Resolved { query, result })?,
                Input::Keys((query, result)) => self.handle(Event::KeysExchanged { query, result })?,
                Input::Asked(asked) => self.obey(asked)?,
                Input::Configured(asked) => self.on_configured(asked)?,
                Input::NetworkChanged => self.handle(Event::NetworkChanged)?,
                Input::ClockSet => {}
                Input::Save => self.save(),
                Input::LookAtLeapFile => self.look_at_leap_file()?,
            }
            self.reporter.turn(sys::clock::monotonic());
        }
    }

    async fn next_input(&mut self, stop: &CancellationToken) -> Result<Input, StartupError> {
        let wake_up = self.engine.next_wakeup().into_iter().chain(self.reporter.next_sign()).min();
        let input = tokio::select! {
            biased;
            () = stop.cancelled() => Input::Stop,
            Some(event) = self.socket_events.recv() => Input::Socket(event),
            rung = self.alarm.at(wake_up) => {
                rung.map_err(|error| StartupError::other(format!("No timer: {error}")))?;
                Input::Timer
            }
            Some((query, result)) = self.answers.recv() => Input::Answer(query, result),
            Some(outcome) = self.keys.recv() => Input::Keys(outcome),
            Some(asked) = self.commands.recv() => Input::Asked(asked),
            Some(config) = self.configurations.recv() => Input::Configured(config),
            change = self.watcher.changed() => match change {
                Change::ClockSet => Input::ClockSet,
                Change::Network => Input::NetworkChanged,
            },
            () = self.publisher.save_is_due() => Input::Save,
            () = LeapFile::check_is_due(self.leap_file.as_ref()) => Input::LookAtLeapFile,
        };
        Ok(input)
    }

    fn obey(&mut self, asked: Asked<Command>) -> Result<(), StartupError> {
        let (command, answer) = asked.answer_with();
        let (actions, said) = self.engine.obey(self.clock.now(), command);
        let performed = self.perform(actions);
        answer(said);
        performed
    }

    fn on_configured(&mut self, asked: Asked<Box<Config>>) -> Result<(), StartupError> {
        let (config, answer) = asked.answer_with();
        let old = std::mem::replace(&mut self.config, (*config).clone());
        let later = needs_restart(&old, &config);
        self.publisher.configure(config.synchronization.clone());
        let wanted = config.takes_link_servers();
        self.link_servers.send_if_modified(|now| std::mem::replace(now, wanted) != wanted);
        let leap_file = config.synchronization.leap_seconds_file.clone();
        self.handle(Event::Configured(config))?;
        self.change_leap_file(leap_file)?;
        tracing::info!("Configuration reloaded");
        if !later.is_empty() {
            tracing::warn!("Changes of {} take effect at the next start", later.join(", "));
        }
        answer(Ok(()));
        Ok(())
    }

    /// The file of another configuration. What was read before stays in force until there is something to put in its place.
    fn change_leap_file(&mut self, path: Option<PathBuf>) -> Result<(), StartupError> {
        let Some(path) = path else {
            let had_one = self.leap_file.take().is_some();
            return if had_one { self.handle(Event::LeapTable(None)) } else { Ok(()) };
        };
        if self.leap_file.as_ref().is_none_or(|file| file.path() != path) {
            self.leap_file = Some(LeapFile::later(&path));
        }
        self.look_at_leap_file()
    }

    fn look_at_leap_file(&mut self) -> Result<(), StartupError> {
        let table = self.leap_file.as_mut().and_then(LeapFile::look);
        table.map_or(Ok(()), |table| self.handle(Event::LeapTable(Some(table))))
    }

    /// Before anything else is believed: whether its clock is still the one of the last turn.
    fn notice_jumps(&mut self, was_set: bool) -> Result<(), StartupError> {
        let jumps = self.watcher.check(self.clock.readings(), was_set);
        if let Some(slept) = jumps.slept {
            self.handle(Event::Slept(slept))?;
        }
        if let Some(by) = jumps.stepped {
            self.handle(Event::ClockStepped(by))?;
        }
        Ok(())
    }

    fn on_socket(&mut self, event: SocketEvent) -> Result<(), StartupError> {
        let now = self.clock.now();
        let engine = &mut self.engine;
        let actions = event.deliver(&self.clock, |event| engine.handle(now, event));
        self.perform(actions)
    }

    fn handle(&mut self, event: Event<'_>) -> Result<(), StartupError> {
        let actions = self.engine.handle(self.clock.now(), event);
        self.perform(actions)
    }

    /// In order; what was applied is an event of its own, with actions of its own.
    fn perform(&mut self, actions: Vec<Action>) -> Result<(), StartupError> {
        let mut actions = VecDeque::from(actions);
        let mut publish = false;
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Send(request) => self.sockets.send(request),
                Action::Close(source) => self.sockets.close(source),
                Action::Resolve { query, host } => self.resolver.resolve(query, host),
                Action::ExchangeKeys { query, request } => self.key_client.exchange(query, request),
                Action::Adjust(adjustment) => {
                    let applied = self.adjust(&adjustment)?;
                    actions.extend(self.engine.handle(self.clock.now(), Event::Applied(applied)));
                }
                Action::Notice(notice) => {
                    tell(&notice, self.config.synchronization.warn_on_jump, &self.clock);
                }
                Action::Publish => publish = true,
                Action::Panic(reason) => return Err(StartupError::panic(reason)),
            }
        }
        if publish {
            self.publish();
        }
        Ok(())
    }

    /// What a crash must not take with it.
    fn save(&mut self) {
        let clock = self.clock.now().clock;
        self.publisher.save(self.engine.drift(), clock);
        if self.publisher.reserve_is_due() {
            self.publisher.reserve_sessions(self.engine.reserve_sessions(), clock);
        }
    }

    fn publish(&mut self) {
        let snapshot = self.engine.snapshot(self.clock.now());
        self.reporter.look(|| State::new(&snapshot, Now { mono: snapshot.at, clock: snapshot.clock }));
        let table = self.leap_file.as_ref().and_then(LeapFile::table);
        self.publisher.publish(snapshot, table);
    }

    fn adjust(&mut self, adjustment: &Adjustment) -> Result<Applied, StartupError> {
        let applied = self.clock.apply(adjustment).map_err(|error| {
            StartupError::clock(format!(
                "The clock can no longer be controlled ({error}); is CAP_SYS_TIME still there?"
            ))
        })?;
        match applied.adjustment {
            Adjustment::Step(by) => self.watcher.on_own_step(by),
            Adjustment::Status(status) => {
                let pending = matches!(status.leap, Leap::AddSecond | Leap::DeleteSecond);
                self.watcher.on_leap_pending(pending);
            }
            Adjustment::Frequency(_) | Adjustment::TaiOffset(_) => {}
        }
        Ok(applied)
    }

    /// A slew that outlived its daemon would carry the clock away.
    fn end_slew(&mut self) {
        let system = self.engine.snapshot(self.clock.now()).system;
        if system.slew_remaining.is_some() && self.clock.is_controlled() {
            let ended = self.clock.apply(&Adjustment::Frequency(system.frequency));
            if let Err(error) = ended {
                tracing::error!("The slew in progress cannot be ended: {error}");
            }
        }
    }
}

/// What differs and is bound or opened once, at start.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let (was, is) = (&old.observability, &new.observability);
    let observation = was.observation_path != is.observation_path
        || was.observation_permissions != is.observation_permissions
        || was.log_path != is.log_path;
    let clock = old.clock_control != new.clock_control
        || old.timestamp_mode != new.timestamp_mode
        || old.state_directory != new.state_directory;
    let parts = [
        (old.servers != new.servers, "[[server]]"),
        (old.key_exchange_servers != new.key_exchange_servers, "[[nts-ke-server]]"),
        (old.keyset != new.keyset, "[keyset]"),
        (observation, "[observability]"),
        (old.control != new.control, "[control]"),
        (clock, "[clock]"),
    ];
    parts.into_iter().filter(|(differs, _)| *differs).map(|(_, name)| name).collect()
}

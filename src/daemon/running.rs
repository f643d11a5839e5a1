//! A whole daemon in one value: started, watched, run to its end. Reads no command line.

use super::activation::PassedSockets;
use super::alarm::Alarm;
use super::catching_up::{Beginning, catch_up};
use super::client_sockets::ClientSockets;
use super::clock::{Clock, ClockReader, Opened};
use super::clock_watcher::ClockWatcher;
use super::key_client::KeyClient;
use super::key_server::{self, KeyServers};
use super::leap_file::LeapFile;
use super::link_servers::LinkServers;
use super::main_loop::MainLoop;
use super::master_keys::KeyKeeper;
use super::publisher::{Files, Listeners, Publisher};
use super::random::random;
use super::resolver::Resolver;
use super::server;
use super::smear_watch::SmearWatch;
use super::startup_error::StartupError;
use super::state_files::{DriftFile, SessionsFile, StateDirectory};
use super::synchronized_file::SynchronizedFile;
use crate::asking::{Asked, Asker, Door};
use crate::command::{Command, ServiceOrder};
use crate::config::Config;
use crate::engine::{Engine, Start};
use crate::notify::{Manager, Reporter};
use crate::nts::clear_stack;
use crate::snapshot::Snapshot;
use crate::sys;
use crate::time::ClockTime;
use crate::unix_socket::Listener;
use crate::{control, observation};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Ready to run: everything is bound, and the clock is opened and not yet touched.
#[derive(Debug)]
pub struct Daemon {
    main_loop: MainLoop,
    commands: Door<Command>,
    configure: Door<Box<Config>>,
    service: Door<ServiceOrder>,
    /// For whoever knows the command line and the log.
    service_orders: Option<mpsc::Receiver<Asked<ServiceOrder>>>,
    bound: Bound,
    /// Why the clock is not steered, if it is not.
    uncontrolled: Option<String>,
    /// Told when files that the configuration names are to be read again.
    files: watch::Sender<()>,
}

/// Everything that others ask us at, and what it is answered with.
#[derive(Debug)]
struct Bound {
    servers: Vec<server::Listening>,
    key_servers: Vec<key_server::Listening>,
    key_keeper: Option<KeyKeeper>,
    observation: Option<Listener>,
    control: Option<Listener>,
}

/// No true time is before this version was written (2026-11-01).
const NOT_BEFORE: ClockTime = ClockTime::from_unix_secs(1_793_491_200);

impl Daemon {
    /// Binds everything that `config` names and that was not `passed`, then opens the clock with `open`.
    ///
    /// # Errors
    /// One clear reason: a listener that cannot be bound (1), a missing right (77), clock trouble (70).
    pub async fn start(
        config: Config,
        passed: PassedSockets,
        open: impl FnOnce(&Config) -> Result<Opened, StartupError>,
    ) -> Result<Self, StartupError> {
        let state = StateDirectory::open(&config, std::env::var_os("STATE_DIRECTORY"))?;
        Self::start_with(config, state, passed, open).await
    }

    /// The same with the state of that directory, or with none: then nothing is known of earlier runs, or kept.
    pub(super) async fn start_with(
        config: Config,
        state: Option<StateDirectory>,
        passed: PassedSockets,
        open: impl FnOnce(&Config) -> Result<Opened, StartupError>,
    ) -> Result<Self, StartupError> {
        let bound = Bound::new(&config, passed).await?;
        let leap_file =
            config.synchronization.leap_seconds_file.as_deref().map(LeapFile::open).transpose()?;
        let mut opened = open(&config)?;
        if let Some(refusal) = &opened.refusal {
            tracing::warn!("Measuring and serving without setting the clock: {refusal}");
        }
        let files = files(state.as_ref(), &opened.clock);
        let beginning =
            catch_up(&mut opened.clock, files.last_good.as_ref(), NOT_BEFORE, &config.synchronization)?;
        let engine = new_engine(&config, &opened, &files, beginning)?;
        let first = engine.snapshot(opened.clock.now());
        let smear_watch = SmearWatch::new(config.servers.iter().any(|server| server.leap_smear.is_some()));
        let publisher =
            Publisher::new(first, config.synchronization.clone(), bound.listeners(), files, smear_watch);
        let (sockets, socket_events) = ClientSockets::new(config.timestamp_mode);
        let (resolver, answers) = Resolver::new();
        let (key_client, keys) = KeyClient::new(resolver.names());
        let (commands, received) = Door::new();
        let (configure, configurations) = Door::new();
        let (service, service_orders) = Door::new();
        let uncontrolled = opened.uncontrolled();
        let watcher = ClockWatcher::new(opened.clock.readings());
        let alarm = Alarm::new().map_err(|error| StartupError::other(format!("No timer: {error}")))?;
        let link_servers = watch::Sender::new(config.takes_link_servers());
        let main_loop = MainLoop {
            engine,
            clock: opened.clock,
            watcher,
            alarm,
            sockets,
            socket_events,
            resolver,
            answers,
            key_client,
            keys,
            commands: received,
            configurations,
            config,
            publisher,
            leap_file,
            link_servers,
            reporter: Reporter::default(),
        };
        let files = watch::Sender::new(());
        let service_orders = Some(service_orders);
        Ok(Self { main_loop, commands, configure, service, service_orders, bound, uncontrolled, files })
    }

    /// To watch it.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.main_loop.publisher.snapshots()
    }

    /// Takes other configurations while it runs: sources, thresholds and what is served of them; the rest needs a restart.
    pub fn configure(&self) -> Door<Box<Config>> {
        self.configure.clone()
    }

    /// What is asked of the process around it comes out here: once, for whoever knows the command line and the log.
    pub fn take_service_orders(&mut self) -> Option<mpsc::Receiver<Asked<ServiceOrder>>> {
        self.service_orders.take()
    }

    /// To ask it something.
    pub fn asker(&self) -> Asker {
        Asker { commands: self.commands.clone(), service: self.service.clone() }
    }

    /// To have it read files again that the configuration names and that somebody else writes: certificates and keys.
    pub fn files(&self) -> watch::Sender<()> {
        self.files.clone()
    }

    /// To read its clock.
    pub fn clock(&self) -> ClockReader {
        self.main_loop.clock.reader()
    }

    /// Tells a service manager how it goes, from now on.
    pub fn report_to(&mut self, manager: Manager) {
        self.main_loop.reporter = Reporter::new(manager, self.uncontrolled.clone());
    }

    /// Runs until `stop`; then every socket file is gone and what is worth it is kept for the next run.
    ///
    /// # Errors
    /// Exit code 70: a panic threshold, or the kernel refuses to be steered any more.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), StartupError> {
        let mut tasks = JoinSet::new();
        let ending = CancellationToken::new();
        let snapshots = self.snapshots();
        let clock = self.clock();
        let (variables, keys) =
            (self.main_loop.publisher.variables(), self.bound.key_keeper.as_ref().map(KeyKeeper::keys));
        let mut workers = server::Workers::start(self.bound.servers, &variables, keys.as_ref(), &clock)?;
        let inquirer = workers.inquirer(clock.clone());
        let mut key_servers = None;
        if let Some(keeper) = self.bound.key_keeper {
            key_servers =
                Some(KeyServers::start(self.bound.key_servers, keeper.keys(), self.files.subscribe())?);
            let variables = self.main_loop.publisher.variables();
            tasks.spawn(inquirer.clone().announce(keeper.keys(), ending.clone()));
            let keys_clock = clock.clone();
            let now = move || keys_clock.now();
            tasks.spawn(keeper.run(now, variables, self.files.subscribe(), ending.clone()));
        }
        if let Some(listener) = self.bound.observation {
            let inquirer = inquirer.clone();
            let look = move || {
                inquirer.refresh_dropped();
                clock.now_both()
            };
            tasks.spawn(observation::serve(listener, snapshots.clone(), look, ending.clone()));
        }
        let link_servers = LinkServers::new(self.main_loop.link_servers.subscribe(), self.commands.clone());
        tasks.spawn(link_servers.run(ending.clone()));
        if let Some(listener) = self.bound.control {
            let clients = move |limit| inquirer.clone().clients(limit);
            let asker = Asker { commands: self.commands, service: self.service };
            tasks.spawn(control::serve(listener, asker, clients, ending.clone()));
        }
        let result = self.main_loop.run(&stop).await;
        drop((workers, key_servers));
        ending.cancel();
        while tasks.join_next().await.is_some() {}
        result
    }
}

impl Bound {
    async fn new(config: &Config, mut passed: PassedSockets) -> Result<Self, StartupError> {
        let servers = server::listen(config, passed.time_sockets()?)?;
        passed.close_others();
        let key_servers = key_server::listen(config)?;
        let key_keeper = KeyKeeper::open(config)?;
        clear_stack();
        let (seen, control) = (&config.observability, &config.control);
        let required = config.sockets_required;
        let path = seen.observation_path.as_deref();
        let observation = bind(path, seen.observation_permissions, required).await?;
        let control = bind(control.path.as_deref(), control.permissions, required).await?;
        Ok(Self { servers, key_servers, key_keeper, observation, control })
    }

    /// For snapshots.
    fn listeners(&self) -> Listeners {
        Listeners {
            servers: self.servers.iter().map(server::Listening::report).collect(),
            key_exchange_servers: self.key_servers.iter().map(key_server::Listening::report).collect(),
            master_keys: self.key_keeper.as_ref().map(KeyKeeper::report),
        }
    }
}

async fn bind(
    path: Option<&std::path::Path>,
    permissions: u32,
    required: bool,
) -> Result<Option<Listener>, StartupError> {
    let Some(path) = path else { return Ok(None) };
    match Listener::bind(path, permissions).await {
        Ok(listener) => Ok(Some(listener)),
        Err(reason) if required => Err(StartupError::other(reason)),
        Err(reason) => {
            tracing::warn!("ntp-ctl will not find this daemon: {reason}");
            Ok(None)
        }
    }
}

fn files(state: Option<&StateDirectory>, clock: &Clock) -> Files {
    Files {
        // What is learned of a clock that somebody else steers says nothing of its oscillator.
        drift: state.filter(|_| clock.is_controlled()).map(StateDirectory::drift),
        sessions: state.map(StateDirectory::sessions),
        last_good: state.map(StateDirectory::last_good),
        synchronized: clock
            .is_controlled()
            .then(|| SynchronizedFile::find(std::env::var_os("RUNTIME_DIRECTORY")))
            .flatten(),
    }
}

fn new_engine(
    config: &Config,
    opened: &Opened,
    files: &Files,
    beginning: Beginning,
) -> Result<Engine, StartupError> {
    let now = opened.clock.now();
    let start = Start {
        now,
        drift: files.drift.as_ref().and_then(DriftFile::load),
        kernel_frequency: opened.frequency,
        controls_clock: opened.clock.is_controlled(),
        build_time: beginning.not_before,
        was_moved: beginning.was_moved,
        moved: beginning.moved,
        precision: sys::clock::precision(),
    };
    let mut engine = Engine::new(config.clone(), random()?, start);
    let sessions = files.sessions.as_ref().map(|file: &SessionsFile| file.take(now.clock));
    engine.restore_sessions(sessions.unwrap_or_default());
    Ok(engine)
}

#[cfg(test)]
mod tests {
    use super::super::clock::VirtualClock;
    use super::*;
    use crate::config::{HostPort, PollLimits, ServerConfig, SourceConfig, StepLimits};
    use crate::time::{Frequency, Span};

    async fn start(config: Config, clock: Clock) -> Daemon {
        let opened = Opened { clock, frequency: Frequency::ZERO, refusal: None };
        Daemon::start(config, PassedSockets::default(), |_| Ok(opened)).await.unwrap()
    }

    /// It serves the host's clock as its own reference.
    async fn server(directory: &std::path::Path) -> Daemon {
        let listen = ServerConfig::new("127.0.0.1:0".parse().unwrap());
        let state_directory = Some(directory.to_owned());
        let mut config = Config { servers: vec![listen], state_directory, ..Config::default() };
        config.synchronization.local_stratum = 1;
        start(config, Clock::None).await
    }

    /// It follows that server, and offsets are slewed only.
    fn client(server: &Daemon, directory: &std::path::Path) -> Config {
        let port = server.snapshots().borrow().servers[0].address.port();
        let address = HostPort { host: "127.0.0.1".to_owned(), port };
        let sources = vec![SourceConfig::server(address, PollLimits::default())];
        let mut config = Config { sources, state_directory: Some(directory.to_owned()), ..Config::default() };
        config.synchronization.minimum_agreeing_sources = 1;
        config.synchronization.step_limit = Some(0);
        config
    }

    #[tokio::test]
    async fn a_panic_leaves_no_slew_behind() {
        let directory = tempfile::tempdir().unwrap();
        let server = server(directory.path()).await;
        let config = client(&server, directory.path());
        let clock = VirtualClock::new(Span::from_millis(8), Frequency::ZERO);
        let mut daemon = start(config.clone(), Clock::Virtual(clock)).await;
        let (mut snapshots, configure) = (daemon.snapshots(), daemon.configure());
        let stop = CancellationToken::new();
        let tighten = async {
            snapshots.wait_for(|snapshot| snapshot.system.slew_remaining.is_some()).await.unwrap();
            let limit = Some(Span::from_millis(1));
            let mut config = config;
            config.synchronization.single_step_panic = StepLimits { forward: limit, backward: limit };
            let _ = configure.ask(Box::new(config)).await;
        };
        let follow = async {
            let ended = daemon.main_loop.run(&stop).await;
            stop.cancel();
            ended
        };
        let (served, ended, ()) = tokio::join!(server.run(stop.clone()), follow, tighten);
        served.unwrap();
        assert_eq!(ended.unwrap_err().exit_code.code(), 70);
        let left = daemon.main_loop.clock.frequency().unwrap();
        assert!(left.ppm().abs() < 50.0, "the slew of 200 ppm goes on: {} ppm", left.ppm());
    }
}

//! The surroundings of the library that asks name servers: it is told the time, and what it says is not logged. Sends nothing by itself.

use crate::time::ClockTime;
use hickory_resolver::net::runtime::{
    RuntimeProvider, Spawn, Time, TokioHandle, TokioRuntimeProvider, TokioTime,
};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

tokio::task_local! {
    /// Unix seconds. The library asks a function without arguments.
    static NOW: u64;
}

/// Runs a look-up that judges signatures by this time. Any stranger's answer may be worth a warning to the library, and none is to us.
pub(super) async fn quietly<F: Future>(now: Option<ClockTime>, look_up: F) -> F::Output {
    let now = now.and_then(|now| u64::try_from(now.unix_secs()).ok()).unwrap_or(0);
    NOW.scope(now, look_up.with_subscriber(NoSubscriber::new())).await
}

/// As the library's own, but for time and log. What it starts ends when the last copy is dropped.
#[derive(Clone, Default)]
pub(super) struct Runtime(TokioRuntimeProvider);

#[derive(Clone)]
pub(super) struct Handle(TokioHandle);

#[derive(Debug)]
pub(super) struct Told;

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl RuntimeProvider for Runtime {
    type Handle = Handle;
    type Timer = Told;
    type Udp = <TokioRuntimeProvider as RuntimeProvider>::Udp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Handle {
        Handle(self.0.create_handle())
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        patience: Option<Duration>,
    ) -> Pending<io::Result<Self::Tcp>> {
        self.0.connect_tcp(server, local, patience)
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Pending<io::Result<Self::Udp>> {
        self.0.bind_udp(local, server)
    }
}

impl Spawn for Handle {
    fn spawn_bg(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn_bg(task.with_subscriber(NoSubscriber::new()));
    }
}

impl Time for Told {
    fn delay_for<'a>(time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        TokioTime::delay_for(time)
    }

    fn timeout<'a, F>(
        time: Duration,
        future: F,
    ) -> Pin<Box<dyn Future<Output = io::Result<F::Output>> + Send + 'a>>
    where
        F: 'a + 'static + Future + Send,
    {
        TokioTime::timeout(time, future)
    }

    /// Outside of a look-up it is for signed questions, which are not asked.
    fn current_time() -> u64 {
        NOW.try_with(|now| *now).unwrap_or(0)
    }
}

//! One run as a story, for whoever wonders about a figure. Judges nothing.

use crate::simulator::figures::PollMode;
use crate::simulator::scenario::{Scenario, configuration};
use crate::simulator::world::World;
use std::io::{self, Write};

/// Seconds between two lines.
const EVERY: f64 = 16.0;

/// Notices, and the clock's error beside what the client and the kernel say of it.
///
/// # Errors
/// That of `out`.
pub(crate) fn write(out: &mut impl Write, scenario: &Scenario, mode: PollMode, seed: u64) -> io::Result<()> {
    writeln!(out, "{} {} seed {seed}\n", scenario.name, mode.name())?;
    let mut world = World::new(scenario, configuration(scenario, mode.limits_in(scenario)), seed);
    let mut told = 0;
    while world.host.t() < scenario.end && world.stopped.is_none() {
        world.run_for(EVERY);
        for (t, notice) in world.notices.iter().skip(told) {
            writeln!(out, "{t:9.2}  {notice}")?;
        }
        told = world.notices.len();
        let (status, system) = (world.host.status(), world.snapshot().system);
        writeln!(
            out,
            "{:9.0}  error {:+12.1} us  esterror {:10.1} us  maxerror {:10.1} us  kernel {:+9.4} ppm  rate {:+9.4} ppm  offset {:+10.1}±{:.1} us  packets {}",
            world.host.t(),
            world.host.error() * 1e6,
            status.estimated_error.seconds() * 1e6,
            status.maximum_error.seconds() * 1e6,
            world.host.frequency().ppm(),
            (world.host.rate() - 1.0) * 1e6,
            system.offset.seconds() * 1e6,
            system.offset_uncertainty.seconds() * 1e6,
            world.packets
        )?;
    }
    Ok(())
}

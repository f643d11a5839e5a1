"""A machine that was paused, or whose clock was set while the daemon slept, has the right time again at once."""

# How soon the clock must be right again: a burst of measurements, and never the next poll.
AT_ONCE = 15
STEPPED = "journalctl -u ntpd-rs -o cat --no-pager | grep -ci 'stepped'"


def steps_told() -> int:
    """How often the daemon says that it stepped the clock."""
    return int(client.execute(STEPPED)[1] or 0)


def sleeps(seconds: float, lost: float) -> None:
    """The daemon does not run for a while, as in a machine that is paused; then the clock is wrong by what was lost."""
    client.succeed("systemctl kill -s STOP ntpd-rs", f"sleep {seconds}")
    if lost:
        client.succeed(f"node-clock step {lost}")
    client.succeed("systemctl kill -s CONT ntpd-rs")


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
server.succeed("systemctl start chrony")

with subtest("the clock becomes right"):
    client.succeed(f"node-clock step {2 - clock_error(client)}", "systemctl start ntpd-rs")
    wait_for_clock(client, within=bound, timeout=60)
    # The initial burst is over, and some ordinary polls are done.
    client.succeed("sleep 40")

with subtest("20 s of its life are missing, and are found at once"):
    told = steps_told()
    sleeps(10, lost=-20)
    took = wait_for_clock(client, within=bound, timeout=60)
    assert took <= AT_ONCE, f"right after {took:.0f} s"
    assert steps_told() > told

with subtest("a clock that went ahead meanwhile is set back as soon"):
    sleeps(10, lost=600)
    took = wait_for_clock(client, within=bound, timeout=60)
    assert took <= AT_ONCE, f"right after {took:.0f} s"

with subtest("a daemon that slept while the clock stayed right changes nothing"):
    told = steps_told()
    sleeps(30, lost=0)
    errors = clock_errors(client, seconds=60 if thorough else 30)
    log.line(f"worst true error in {len(errors)} s: {max(map(abs, errors)) * 1e6:.0f} µs")
    assert max(map(abs, errors)) < bound, f"true error of {max(errors, key=abs) * 1e3:.3f} ms"
    assert steps_told() == told
    client.succeed("ntp-ctl status --check")

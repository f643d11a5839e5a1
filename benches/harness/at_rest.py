"""Clients of four servers on a machine that does nothing else: memory, wake-ups and CPU time of each."""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from . import programs
from .figures import table
from .isolation import BenchFailure, CannotRun, check_machine
from .process import Running
from .programs import Programs
from .script import Script

SERVERS = [f"127.0.0.{number}" for number in range(2, 6)]
SHIM = Path(__file__).with_name("unsteered.c")
# As systemd tells the daemon with WatchdogSec=3min.
WATCHDOG_US = 180_000_000
OURS = "ours"
# What ours may cost at most.
MEMORY_KIB, WAKE_UPS, CPU_MS = 3 * 1024, 0.25, 2.0

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={path}</listen>
  <policy context="default"><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
"""


@dataclass
class Usage:
    """Of a process, since it started."""

    wake_ups: int
    cpu_ns: int


@dataclass
class Found:
    """Of one client."""

    name: str
    unique_kib: int
    resident_kib: int
    threads: int
    wake_ups_per_second: float
    cpu_ms_per_minute: float


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="benches/compare-idle",
        description="Memory, wake-ups and CPU time of chronyd, ntpd-rs 1.9 and ours as clients of four servers on the "
        "loopback: with default settings, and ours with D-Bus, both sockets and a watchdog of three minutes.",
        epilog="Needs root, dbus-daemon, cc and tests/daemon/get-peers. Everything runs in namespaces of its own, "
        "without the right to set a clock: the clients' writes are answered as if they had worked. "
        "Exit codes: 0 promises kept, 1 one broken, 77 cannot run here (says why).",
    )
    parser.add_argument("--warm-up", type=float, default=1200, help="seconds before measuring (1200)")
    parser.add_argument("--seconds", type=float, default=1200, help="of measuring (1200)")
    parser.add_argument("--profile", default="dist", help="Cargo profile of our programs (dist)")
    parser.add_argument("--install", action="store_true", help="build ntpd-rs 1.9 into the cache, if not there")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON instead of a table")
    options = parser.parse_args()
    if options.warm_up < 0 or options.seconds < 10:
        parser.error("a warm-up from 0, seconds from 10")
    return options


def main() -> int:
    """The command."""
    options = arguments()

    def check() -> None:
        check_machine("dbus-daemon", "cc")
        programs.check_peers(install_missing=options.install)

    return Script(
        name="compare-idle",
        check=check,
        measure=lambda folder, built: compare(options, folder, built),
        broken_promises=broken,
        as_text=as_text,
        as_json=lambda found: json.dumps([each.__dict__ for each in found], indent=1),
        build=programs.build_as_packed,
    ).run(options)


@dataclass
class Surroundings:
    """What clients find: servers, a system bus, and somebody who listens to what ours says to systemd."""

    start: Callable[[str, list[str]], Running]
    # Before the command of a client.
    preload: list[str]
    # What systemd would add for ours.
    environment: list[str]
    listener: socket.socket
    bus: Path


@contextmanager
def surroundings(folder: Path) -> Iterator[Surroundings]:
    """Ends all of it, and all that was started in it."""
    shim = folder / "unsteered.so"
    if subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, SHIM], check=False).returncode != 0:
        raise CannotRun("cc could not build benches/harness/unsteered.c")
    cpus = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:

        def start(name: str, command: list[str]) -> Running:
            process = Running(name, command, cpus)
            stack.callback(process.end)
            return process

        start("servers", serve(folder))
        bus = start_bus(folder, start)
        listener = stack.enter_context(notified(folder))
        environment = [f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={bus}", f"NOTIFY_SOCKET={folder}/notify"]
        environment += [f"WATCHDOG_USEC={WATCHDOG_US}"]
        yield Surroundings(start, ["env", f"LD_PRELOAD={shim}"], environment, listener, bus)


def compare(options: argparse.Namespace, folder: Path, built: Programs) -> list[Found]:
    """All of them at once, for a client at rest disturbs nobody."""
    with surroundings(folder) as around:
        clients = [around.start("chrony", [*around.preload, *chrony(folder)])]
        earlier = programs.find_earlier()
        if earlier:
            command = [*around.preload, *earlier, "-c", str(earlier_toml(folder))]
            clients.append(around.start("ntpd-rs 1.9", command))
        command = [*around.preload, *around.environment, *ours(folder, built.daemon)]
        clients.append(around.start(OURS, command))
        rest(options.warm_up, clients, around.listener, "" if options.json else "warming up")
        before = [usage(process) for process in clients]
        begin = time.monotonic()
        rest(options.seconds, clients, around.listener, "" if options.json else "measuring")
        passed = time.monotonic() - begin
        check_bus(around.bus)
        return [found(process, was, passed) for process, was in zip(clients, before, strict=True)]


def rest(seconds: float, clients: list[Running], listener: socket.socket, what: str) -> None:
    """Lets time pass; somebody has to read what ours says to systemd."""
    if what:
        print(f"{what} for {seconds:.0f} s", file=sys.stderr)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(5.0, max(0.0, end - time.monotonic())))
        with suppress(BlockingIOError):
            while True:
                listener.recv(4096)
        for process in clients:
            process.check()


def serve(folder: Path) -> list[str]:
    """One chronyd that answers at four addresses."""
    lines = ["allow", "local stratum 1", "cmdport 0", "bindcmdaddress /", f"pidfile {folder}/server.pid"]
    (folder / "server.conf").write_text("\n".join(lines) + "\n")
    return [*programs.find_chronyd(), "-x", "-d", "-u", "root", "-f", str(folder / "server.conf")]


def chrony(folder: Path) -> list[str]:
    """With the interface for chronyc, as its package has it."""
    lines = [f"server {server} iburst" for server in SERVERS]
    lines += ["port 0", f"bindcmdaddress {folder}/chronyd.sock", f"driftfile {folder}/chrony.drift"]
    lines += [f"pidfile {folder}/client.pid", "makestep 1 3", "rtcsync"]
    (folder / "client.conf").write_text("\n".join(lines) + "\n")
    return [*programs.find_chronyd(), "-d", "-u", "root", "-f", str(folder / "client.conf")]


def sources() -> str:
    """As ours and ntpd-rs 1.9 both read them."""
    return "".join(f'[[source]]\nmode = "server"\naddress = "{server}"\n\n' for server in SERVERS)


def earlier_toml(folder: Path) -> Path:
    """The configuration of ntpd-rs 1.9."""
    path = folder / "earlier.toml"
    path.write_text(f'{sources()}[observability]\nobservation-path = "{folder}/earlier.sock"\n')
    return path


def ours(folder: Path, daemon: Path) -> list[str]:
    """With everything that its package turns on."""
    (folder / "state").mkdir()
    path = folder / "ours.toml"
    path.write_text(
        f'{sources()}[observability]\nobservation-path = "{folder}/observe"\n\n'
        f'[clock]\nclock-control = true\nstate-directory = "{folder}/state"\n'
    )
    return [str(daemon), "-c", str(path)]


def start_bus(folder: Path, start: Callable[[str, list[str]], Running]) -> Path:
    """A system bus of its own; where it listens."""
    path = folder / "bus"
    (folder / "bus.conf").write_text(BUS.format(path=path))
    start("dbus-daemon", ["dbus-daemon", "--nofork", "--config-file", str(folder / "bus.conf")])
    deadline = time.monotonic() + 10
    while not path.exists():
        if time.monotonic() > deadline:
            raise BenchFailure("dbus-daemon does not listen")
        time.sleep(0.05)
    return path


def check_bus(path: Path) -> None:
    """Fails unless ours is on the bus: what is measured includes it."""
    command = ["dbus-send", f"--bus=unix:path={path}", "--dest=org.freedesktop.DBus", "--print-reply"]
    command += ["/", "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.timesync1"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if "boolean true" not in said.stdout:
        raise BenchFailure(f"ours is not on the bus: {said.stdout}{said.stderr}")


def notified(folder: Path) -> socket.socket:
    """Where ours tells systemd how it is."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(f"{folder}/notify")
    listener.settimeout(0)
    return listener


def usage(process: Running) -> Usage:
    """So far."""
    wake_ups = 0
    for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                wake_ups += int(line.split()[1])
    return Usage(wake_ups, process.spent_ns())


def found(process: Running, before: Usage, seconds: float) -> Found:
    """What it used since then, and holds now."""
    after = usage(process)
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    unique = sum(int(line.split()[1]) for line in rollup if line.startswith(("Private_", "Swap:")))
    return Found(
        name=process.name,
        unique_kib=unique,
        resident_kib=process.resident_kib(),
        threads=len(process.threads()),
        wake_ups_per_second=(after.wake_ups - before.wake_ups) / seconds,
        cpu_ms_per_minute=(after.cpu_ns - before.cpu_ns) / 1e6 / seconds * 60,
    )


def broken(rows: list[Found]) -> list[str]:
    """As sentences."""
    own = next(row for row in rows if row.name == OURS)
    limits = [
        ("KiB of memory of its own", own.unique_kib, MEMORY_KIB),
        ("wake-ups a second", own.wake_ups_per_second, WAKE_UPS),
        ("ms of CPU time a minute", own.cpu_ms_per_minute, CPU_MS),
    ]
    return [f"{OURS}: {value:.2f} {what}, and {most} is the most" for what, value, most in limits if value > most]


def as_text(rows: list[Found]) -> str:
    """The table."""
    cells = [["client", "unique KiB", "resident KiB", "threads", "wake-ups/s", "CPU ms/min"]]
    for row in rows:
        figures = [f"{row.wake_ups_per_second:.3f}", f"{row.cpu_ms_per_minute:.2f}"]
        cells.append([row.name, str(row.unique_kib), str(row.resident_kib), str(row.threads), *figures])
    if programs.find_earlier():
        return table(cells)
    return table(cells) + "\n\nLeft out: ntpd-rs 1.9 is not in the cache; --install builds it there."

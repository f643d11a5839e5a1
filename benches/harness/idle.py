"""Idle connections to the key exchange: what they cost those who ask for time, and the server."""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from . import load, programs, servers
from .figures import median, table
from .isolation import BenchFailure, CannotRun, check_machine
from .latency import KeyClient, ask, quantile
from .process import Running
from .script import Script

PORT = 11100
ASKED_PER_SECOND = 500.0
# Of each round, with and without.
EXCHANGES = 5
# Beside the crowd's own.
OTHER_DESCRIPTORS = 200
# More than the timeout of a connection, seconds.
SETTLED = 2.0
# What p99 may be above that without the crowd: less than a handshake takes, so nobody waits for a whole one.
PROMISED_US = 150.0


@dataclass
class Half:
    """What was found with the crowd, or without: a value for each round."""

    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    lost: int = 0
    asked: int = 0
    # Shares of one CPU.
    server_cpu: list[float] = field(default_factory=list)
    crowd_cpu: list[float] = field(default_factory=list)
    exchanges_ms: list[float] = field(default_factory=list)
    exchanges_failed: int = 0
    connections: list[int] = field(default_factory=list)
    # In the crowd, a second.
    begun: list[float] = field(default_factory=list)
    handshakes: list[float] = field(default_factory=list)


def undisturbed(values: list[float]) -> float:
    """The lower quartile of the rounds: whatever else runs on the machine only ever makes a round slower."""
    return quantile(values, 0.25)


@dataclass
class Found:
    """Of one server."""

    name: str
    without: Half
    beside: Half
    resident_before_kib: int = 0
    resident_peak_kib: int = 0

    def broken_promises(self) -> list[str]:
        """As sentences."""
        quiet, loud = undisturbed(self.without.p99_us), undisturbed(self.beside.p99_us)
        broken = []
        if loud > quiet + PROMISED_US:
            broken.append(f"{self.name}: p99 is {loud:.0f} µs and {quiet:.0f} µs without the connections")
        if self.beside.exchanges_failed:
            broken.append(f"{self.name}: {self.beside.exchanges_failed} honest key exchanges failed")
        if self.beside.lost:
            broken.append(f"{self.name}: {self.beside.lost} requests for time were lost")
        return broken


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="benches/idle-connections",
        description="Latency of plain requests for time without and with a crowd of clients that finish the handshake "
        "of a key exchange, ask for nothing, and connect again when they are thrown out. The server has its defaults: "
        "512 connections.",
        epilog="Needs root. Everything runs in namespaces of its own, without the right to set a clock. Exit codes: 0 "
        "promises kept, 1 one broken, 77 cannot run here (says why).",
    )
    parser.add_argument("--clients", type=int, default=10_000, help="in the crowd (10000)")
    parser.add_argument("--rate", type=float, default=700.0, help="connections that they begin a second (700)")
    parser.add_argument("--kind", default="mute", help="what they do, see benches/harness/key_clients.py (mute)")
    parser.add_argument("--rounds", type=int, default=10, help="with and without, in turn (10)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of measuring in each (3)")
    parser.add_argument("--earlier", action="store_true", help="ntpd-rs 1.9 as well, if it is in the cache")
    parser.add_argument("--profile", default="release", help="Cargo profile of our programs (release)")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON instead of a table")
    options = parser.parse_args()
    if options.rounds < 1 or not 1 <= options.seconds <= 600 or not 1 <= options.clients <= 20_000 or options.rate < 1:
        parser.error("rounds from 1, seconds from 1 to 600, clients to 20000, a rate from 1")
    return options


def main() -> int:
    """The command."""
    options = arguments()

    def measure(folder: Path, built: programs.Programs) -> list[Found]:
        allow_descriptors(options.clients + OTHER_DESCRIPTORS)
        return measure_all(options, folder, built)

    return Script(
        name="idle-connections",
        check=lambda: check_machine("chrt"),
        measure=measure,
        # Others are shown, and have promised nothing.
        broken_promises=lambda found: found[0].broken_promises(),
        as_text=lambda found: as_text(options, found),
        as_json=as_json,
    ).run(options)


def as_json(found: list[Found]) -> str:
    """Every figure of every round."""
    return json.dumps([{**vars(each), "without": vars(each.without), "beside": vars(each.beside)} for each in found])


def allow_descriptors(needed: int) -> None:
    """For the crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < needed:
        raise CannotRun(f"{needed} descriptors are needed, and {hard} are allowed; fewer --clients need fewer")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))


def measure_all(options: argparse.Namespace, folder: Path, built: programs.Programs) -> list[Found]:
    """Ours, and the other if wanted."""
    nts = servers.Nts(servers.make_certificates(built, folder))
    rows = [servers.ours(built, "ours", servers.Settings(workers=len(os.sched_getaffinity(0)), nts=nts))]
    if options.earlier:
        earlier = servers.earlier(nts=nts)
        if earlier is None:
            raise CannotRun("ntpd-rs 1.9 is not in the cache: tests/daemon/get-peers earlier")
        rows.append(earlier)
    return [measure(options, folder, built.load, row, PORT + index) for index, row in enumerate(rows)]


@dataclass
class Target:
    """The server under attack."""

    running: Running
    port: int
    honest: KeyClient
    # Descriptors without anybody connected.
    idle: int = 0

    def descriptors(self) -> int:
        """Open now."""
        return len(os.listdir(f"/proc/{self.running.pid}/fd"))


def measure(options: argparse.Namespace, folder: Path, asker: Path, server: servers.Server, port: int) -> Found:
    """All rounds of one server."""
    assert server.nts
    cpus = sorted(os.sched_getaffinity(0))
    honest = KeyClient(port + servers.KEY_EXCHANGE, server.nts.certificates / "ca.pem")
    found = Found(server.name, Half(), Half())
    with ExitStack() as stack:
        running = server.start(folder, port, cpus)
        stack.callback(running.end)
        load.wait_until_answering(asker, port, cpus[0])
        if honest.exchange() is None:
            raise BenchFailure(f"{server.name} gives no keys:\n{running.output()}")
        found.resident_before_kib = running.resident_kib()
        target = Target(running, port, honest)
        target.idle = target.descriptors()
        crowd = Crowd(options, port + servers.KEY_EXCHANGE)
        stack.callback(crowd.end)
        for number in range(options.rounds):
            print(f"{server.name}: round {number + 1} of {options.rounds}", file=sys.stderr)
            beside_crowd(options, target, crowd, found.beside)
            crowd.pause()
            one_half(options, target, found.without)
            crowd.go_on()
        found.resident_peak_kib = running.peak_kib()
        running.check()
    return found


class Crowd:
    """The clients, in a process of their own with the least share of all, so that it is the server that is measured."""

    def __init__(self, options: argparse.Namespace, port: int) -> None:
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 — lives as long as the process
        command = ["chrt", "--idle", "0", sys.executable, str(Path(__file__).with_name("key_clients.py"))]
        command += [options.kind, "127.0.0.1", str(port), f"--clients={options.clients}", f"--rate={options.rate}"]
        self.child = subprocess.Popen(command, stdout=self.output)
        deadline = time.monotonic() + 30 + 3 * options.clients / options.rate
        while self.counts().get("begun", 0) < options.clients:
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise BenchFailure(f"the crowd does not come: {self.counts()}")
            time.sleep(0.2)

    def counts(self) -> dict[str, float]:
        """The newest ones."""
        size = os.fstat(self.output.fileno()).st_size
        lines = os.pread(self.output.fileno(), 4096, max(0, size - 4096)).decode().splitlines(keepends=True)
        whole = [line for line in lines if line.startswith("{") and line.endswith("}\n")]
        found: dict[str, float] = json.loads(whole[-1]) if whole else {}
        return found

    def cpu_seconds(self) -> float:
        """What it has used."""
        return int(Path(f"/proc/{self.child.pid}/schedstat").read_text().split()[0]) / 1e9

    def pause(self) -> None:
        """It does nothing, and the server throws all of it out."""
        self.child.send_signal(signal.SIGSTOP)
        time.sleep(SETTLED)

    def go_on(self) -> None:
        """It connects again."""
        self.child.send_signal(signal.SIGCONT)
        time.sleep(SETTLED)

    def end(self) -> None:
        """For good."""
        self.child.kill()
        self.child.wait()


def beside_crowd(options: argparse.Namespace, target: Target, crowd: Crowd, half: Half) -> None:
    """One round beside the crowd, all of which has connected before."""
    before, cpu = crowd.counts(), crowd.cpu_seconds()
    one_half(options, target, half)
    half.connections.append(target.descriptors() - target.idle)
    after = crowd.counts()
    elapsed = after["at"] - before["at"]
    half.crowd_cpu.append((crowd.cpu_seconds() - cpu) / elapsed)
    half.begun.append((after["begun"] - before["begun"]) / elapsed)
    half.handshakes.append((after["handshakes"] - before["handshakes"]) / elapsed)


def one_half(options: argparse.Namespace, target: Target, half: Half) -> None:
    """Asks for time, and then for keys."""
    running = target.running
    running.check()
    begin, cpu = time.monotonic(), running.cpu_ns()
    latencies = ask(target.port, options.seconds, ASKED_PER_SECOND)
    half.server_cpu.append((running.cpu_ns() - cpu) / 1e9 / (time.monotonic() - begin))
    half.p50_us.append(quantile(latencies, 0.50) * 1e6)
    half.p99_us.append(quantile(latencies, 0.99) * 1e6)
    half.asked += len(latencies)
    half.lost += latencies.count(float("inf"))
    for _ in range(EXCHANGES):
        took = target.honest.exchange()
        if took is None:
            half.exchanges_failed += 1
        else:
            half.exchanges_ms.append(took * 1000)


def as_text(options: argparse.Namespace, found: list[Found]) -> str:
    """The tables."""
    cells = [["", "p50 µs", "p99 µs", "lost", "server's CPU", "connections", "key exchange ms", "failed"]]
    for each in found:
        for name, half in ((each.name, each.without), (f"{each.name}, with the crowd", each.beside)):
            exchanges = [f"{median(half.exchanges_ms):.1f}" if half.exchanges_ms else "–"]
            tried = len(half.exchanges_ms) + half.exchanges_failed
            cells.append(
                [
                    name,
                    f"{undisturbed(half.p50_us):.0f}",
                    f"{undisturbed(half.p99_us):.0f} ({min(half.p99_us):.0f}–{max(half.p99_us):.0f})",
                    f"{half.lost} of {half.asked}",
                    f"{median(half.server_cpu):.1%}",
                    f"{median(half.connections):.0f}" if half.connections else "0",
                    *exchanges,
                    f"{half.exchanges_failed} of {tried}",
                ]
            )
    text = [
        f"{options.rounds} rounds of {options.seconds} s, without and with {options.clients} clients ({options.kind}) "
        f"that begin {options.rate:.0f} connections a second. Latencies are lower quartiles of the rounds, with "
        "the least and the most of p99; the rest are medians.",
        "",
        table(cells),
        "",
    ]
    for each in found:
        text.append(
            f"{each.name}: {each.resident_before_kib} KiB before, {each.resident_peak_kib} KiB at most (VmHWM); the "
            f"crowd began {median(each.beside.begun):.0f} connections and finished "
            f"{median(each.beside.handshakes):.0f} handshakes a second, with "
            f"{median(each.beside.crowd_cpu):.0%} of a CPU."
        )
    return "\n".join(text)

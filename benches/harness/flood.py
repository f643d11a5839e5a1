"""Floods: how fast our server receives and drops, what honest clients get meanwhile, and what it costs in memory."""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import load, programs, servers
from .figures import table
from .isolation import BenchFailure, CannotRun, check_machine
from .process import Running
from .script import Script
from .servers import Settings

PORT = 123
# An honest client asks once a second.
LIMIT = "rate-limiting-cache-size = 65536\nrate-limiting-cutoff-ms = 500\nrate-limiting-burst = 8\n"
PROMISED_SHARE = 0.99
# Each of them far over its budget, and all of them in the table.
ATTACKERS = 1000
MILLION = 1_000_000
WARM_UP = 0.5
# The flood goes on for a second while the last honest replies are waited for.
AFTERWARDS = 1.0


@dataclass
class Reading:
    """What the server and the kernel had counted at one moment."""

    at: float
    received: int
    limited: int
    dropped: int
    cpu_ns: int


@dataclass
class Attack:
    """One flood, and what was found."""

    name: str
    sent_per_second: float
    received_per_second: float
    received: int
    limited_share: float
    cpu_us: float
    honest_share: float
    honest_sent: int
    resident_kib: int

    @property
    def lost(self) -> float:
        """The share that never reached the server."""
        return max(0.0, 1 - self.received_per_second / self.sent_per_second)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="benches/flood",
        description="Floods our server, rate limiting on, and reports what honest clients at 1 request/s each get: at "
        "0.8 of the rate at which it receives and drops, above that, and there with the rule of docs/operation.md.",
        epilog="Needs root, two CPUs and nft. Everything runs in namespaces of its own, without the right to set a "
        "clock. Exit codes: 0 promises kept, 1 one broken, 77 cannot run here (says why).",
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="of each flood (5)")
    parser.add_argument("--honest", type=int, default=200, help="honest clients (200)")
    parser.add_argument("--profile", default="release", help="Cargo profile of our programs (release)")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON instead of a table")
    options = parser.parse_args()
    if not 1 <= options.seconds <= 600 or not 1 <= options.honest <= 10000:
        parser.error("seconds from 1 to 600, honest clients from 1 to 10000")
    return options


def main() -> int:
    """The command."""
    options = arguments()
    return Script(
        name="flood",
        check=lambda: check_machine("nft"),
        measure=lambda folder, built: flood(options, folder, built),
        broken_promises=lambda found: broken_promises(found[0]),
        as_text=lambda found: as_text(options, *found),
        as_json=lambda found: as_json(*found),
    ).run(options)


def broken_promises(attacks: list[Attack]) -> list[str]:
    """The attacks that left too little to honest clients."""
    promised = [attack for attack in attacks if attack.name in (BELOW, WITH_RULE)]
    return [attack.name for attack in promised if attack.honest_share < PROMISED_SHARE]


def as_json(attacks: list[Attack], before: int) -> str:
    """Every figure."""
    return json.dumps({"resident_kib_before": before, "attacks": [vars(attack) for attack in attacks]}, indent=1)


FLAT_OUT = "1000 addresses over budget, flat out"
FORGED = "1000000 addresses, each once, 0.4 × that"
BELOW = "the same, 0.8 × what was received"
WITH_RULE = "the same, flat out, firewall rule"


class Target:
    """The server under attack."""

    def __init__(self, running: Running, observation: Path) -> None:
        self.running = running
        self.observation = observation

    def read(self) -> Reading:
        """Its counters and the kernel's, now."""
        self.running.check()
        server = self.state()["servers"][0]
        stats = server["stats"]
        cpu = self.running.cpu_ns()
        return Reading(
            time.monotonic(), int(stats["received_packets"]), int(stats["rate_limited_packets"]), kernel_drops(), cpu
        )

    def state(self) -> dict[str, Any]:
        """The object that the observation socket gives."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.observation))
            with connection.makefile("rb") as stream:
                length = int.from_bytes(stream.read(8), "big")
                found: dict[str, Any] = json.loads(stream.read(length))
                return found


def kernel_drops() -> int:
    """Datagrams for our port that found no room in the queue."""
    total = 0
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == PORT:
            total += int(fields[-1])
    return total


def flood(options: argparse.Namespace, folder: Path, built: programs.Programs) -> tuple[list[Attack], int]:
    """All attacks, and the memory that the server held before."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise CannotRun("two CPUs are needed: one for the server, one for the honest clients")
    # With two CPUs the second half of the flood shares that of the server: one alone would not be enough.
    attackers = cpus[1:] if len(cpus) > 2 else [cpus[1], cpus[0]]
    with ExitStack() as stack:
        observation = folder / "observe"
        server = servers.ours(built, "ours", Settings(keys=LIMIT, observation=observation))
        running = server.start(folder, PORT, [cpus[0]])
        stack.callback(running.end)
        load.wait_until_answering(built.load, PORT, cpus[1])
        target = Target(running, observation)
        before = running.resident_kib()

        def attack(name: str, kind: str, addresses: int, rate: float | None = None, seconds: float = 0) -> Attack:
            seconds = max(seconds, options.seconds)
            commands = []
            for index, cpu in enumerate(attackers):
                first = 16 if addresses == 1 else 16 + 16 * index
                switches = [
                    f"--flood={kind}",
                    f"--addresses={max(1, addresses // len(attackers))}",
                    f"--first-address=127.{first}.0.1",
                    f"--honest={options.honest if index == 0 else 0}",
                    f"--seconds={seconds}",
                    f"--warm-up={WARM_UP}",
                ]
                switches += [f"--rate={rate / len(attackers)}"] if rate else []
                commands.append(load.command(built.load, PORT, cpu, *switches))
            return measure(name, commands, target, seconds)

        attacks = [attack("garbage, flat out", "garbage", 1), attack("one client, flat out", "requests", 1)]
        attacks.append(attack(FLAT_OUT, "requests", ATTACKERS))
        rate = attacks[-1].received_per_second
        attacks.append(attack(BELOW, "requests", ATTACKERS, 0.8 * rate))
        # So fast that few are lost, and so long that every address comes.
        gentle = 0.4 * rate
        attacks.append(attack(FORGED, "requests", MILLION, gentle, 1.2 * MILLION / gentle))
        if attacks[-1].received < MILLION:
            raise BenchFailure(f"not every address reached the server: {attacks[-1]}")
        subprocess.run(["nft", "-f", "-"], input=documented_rule(), text=True, check=True)
        attacks.append(attack(WITH_RULE, "requests", ATTACKERS))
        return attacks, before


def measure(name: str, commands: list[list[str]], target: Target, seconds: float) -> Attack:
    """One flood; the server's counters are read in the middle of it."""
    print(f"{name} …", file=sys.stderr)
    begin = target.read()
    with load.started(commands) as generators:
        time.sleep(WARM_UP)
        first = target.read()
        time.sleep(seconds * 0.9)
        last = target.read()
        found = generators.results(seconds + AFTERWARDS)
    end = target.read()
    elapsed = last.at - first.at
    received = last.received - first.received
    honest = found[0]
    return Attack(
        name,
        sum(each["sent_per_second"] for each in found),
        received / elapsed,
        end.received - begin.received,
        (last.limited - first.limited) / max(1, received),
        (last.cpu_ns - first.cpu_ns) / 1000 / max(1, received),
        honest["honest_share"],
        int(honest["honest_sent"]),
        target.running.resident_kib(),
    )


def documented_rule() -> str:
    """The rule as docs/operation.md shows it, so that this is what is tested."""
    text = (programs.ROOT / "docs/operation.md").read_text().partition("\n## Under attack\n")[2]
    _, found, rest = text.partition("```nft\n")
    rule, end, _ = rest.partition("```")
    if not (found and end):
        raise BenchFailure("docs/operation.md shows no nft rule")
    return rule


def as_text(options: argparse.Namespace, attacks: list[Attack], before: int) -> str:
    """The table."""
    cells = [["flood", "sent/s", "received/s", "lost on the way", "CPU µs each", "honest answered", "RSS KiB"]]
    for attack in attacks:
        cells.append(
            [
                attack.name,
                f"{attack.sent_per_second:.0f}",
                f"{attack.received_per_second:.0f}",
                f"{attack.lost:.1%}",
                f"{attack.cpu_us:.2f}",
                f"{attack.honest_share:.1%} of {attack.honest_sent}",
                str(attack.resident_kib),
            ]
        )
    head = f"{options.seconds} s each, {options.honest} honest clients at 1 request/s; RSS before: {before} KiB."
    return f"{head}\n\n{table(cells)}"

"""Key exchanges compared: servers loaded in turn, round after round; CPU time per full handshake with its answer."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from . import programs, servers
from .figures import broken_promises, median, ratio, spread, table
from .isolation import BenchFailure, CannotRun, check_machine
from .process import Running
from .programs import Programs
from .script import Script
from .servers import KEY_EXCHANGE, Nts, Server, Settings

FIRST_PORT = 12100
X25519, HYBRID = "x25519", "hybrid"
CHRONY, EARLIER, OURS = "chrony", "ntpd-rs 1.9", "ours"
CHRONY_HYBRID, EARLIER_HYBRID, OURS_HYBRID = "chrony, hybrid", "ntpd-rs 1.9, hybrid", "ours, hybrid"
# A row, what it is compared with, and the ratio of their CPU per exchange that it may have at most.
PROMISES = [
    (OURS, EARLIER, 1.00),
    (OURS_HYBRID, EARLIER_HYBRID, 1.00),
    (OURS, CHRONY, 0.80),
]


@dataclass
class Row:
    """A server, the group that it is asked with, and what was found."""

    server: Server
    group: str
    port: int = 0
    cpu_us: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Load:
    """The generator."""

    program: Path
    authority: Path
    cpu: int

    def run(self, row: Row, *options: str) -> subprocess.CompletedProcess[str]:
        """One run of it, to its end."""
        command = ["taskset", "--cpu-list", str(self.cpu), str(self.program), f"127.0.0.1:{row.port + KEY_EXCHANGE}"]
        command += [f"--ca={self.authority}", f"--group={row.group}", "--json", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    def is_answered(self, row: Row) -> bool:
        """Whether the server gives cookies, once it has started."""
        # One that does not know the group cannot be told from one that starts slowly.
        return self.run(row, "--wait=5", "--count=1").returncode == 0


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="benches/compare-key-exchanges",
        description="CPU time per NTS key exchange of chronyd, ntpd-rs 1.9 and ours, loaded in turn: full handshakes "
        "with one certificate (P-256) and one group, each with its request and eight cookies.",
        epilog="Needs root, two CPUs and tests/daemon/get-peers. Everything runs in namespaces of its own, without the "
        "right to set a clock. Exit codes: 0 promises kept, 1 one broken, 77 cannot run here (says why).",
    )
    parser.add_argument("--rounds", type=int, default=15, help="every server in turn, so often (15)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of load in each (0.5)")
    parser.add_argument("--connections", type=int, default=4, help="at once (4)")
    parser.add_argument("--profile", default="release", help="Cargo profile of our programs (release)")
    parser.add_argument("--only", action="append", metavar="NAME", help="this row, besides those of chrony and 1.9")
    parser.add_argument("--install", action="store_true", help="build ntpd-rs 1.9 into the cache, if not there")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON instead of tables")
    options = parser.parse_args()
    if options.rounds < 1 or not 0.05 <= options.seconds <= 60 or not 1 <= options.connections <= 64:
        parser.error("rounds from 1, seconds from 0.05 to 60, connections from 1 to 64")
    return options


def main() -> int:
    """The command."""
    options = arguments()

    def check() -> None:
        check_machine()
        programs.check_peers(install_missing=options.install)

    return Script(
        name="compare-key-exchanges",
        check=check,
        measure=lambda folder, built: compare(options, folder, built),
        broken_promises=broken,
        as_text=lambda rows: as_text(options, rows),
        as_json=as_json,
    ).run(options)


def broken(rows: list[Row]) -> list[str]:
    """Those that are broken."""
    return broken_promises({row.server.name: row.cpu_us for row in rows}, PROMISES, "exchange")


def compare(options: argparse.Namespace, folder: Path, built: Programs) -> list[Row]:
    """All rounds."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise CannotRun("two CPUs are needed: one for the server, one for the load")
    certificates = servers.make_certificates(built, folder)
    load = Load(built.exchanges, certificates / "ca.pem", available[1])
    rows = all_rows(built, certificates, options.only)
    running: list[tuple[Row, Running]] = []
    with ExitStack() as stack:
        for index, row in enumerate(rows):
            row.port = FIRST_PORT + index
            process = row.server.start(folder, row.port, available[:1])
            stack.callback(process.end)
            if load.is_answered(row):
                running.append((row, process))
            elif row.server.ours or row.group != HYBRID:
                raise BenchFailure(f"{row.server.name} exchanges no keys:\n{process.output()}")
        for number in range(options.rounds):
            # Another one begins each time, for whoever comes after a heavy one may find a warmer or colder machine.
            for offset in range(len(running)):
                measure(options, load, *running[(number + offset) % len(running)])
            if not options.json:
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return [row for row, _ in running]


def measure(options: argparse.Namespace, load: Load, row: Row, process: Running) -> None:
    """One server, once."""
    process.check()
    before = process.spent_ns()
    ended = load.run(row, f"--seconds={options.seconds}", f"--connections={options.connections}")
    spent = process.spent_ns() - before
    if ended.returncode != 0:
        raise BenchFailure(f"{row.server.name}: {ended.stderr.strip()}")
    found = json.loads(ended.stdout)
    row.cpu_us.append(spent / 1000 / found["completed"])
    row.per_second.append(found["exchanges_per_second"])


def all_rows(built: Programs, certificates: Path, only: list[str] | None) -> list[Row]:
    """Every server with every group."""
    nts = Nts(certificates)
    rows = []
    for group, chrony, earlier, ours in [
        (X25519, CHRONY, EARLIER, OURS),
        (HYBRID, CHRONY_HYBRID, EARLIER_HYBRID, OURS_HYBRID),
    ]:
        found = [
            servers.chrony(chrony, nts),
            servers.earlier(earlier, nts),
            servers.ours(built, ours, Settings(nts=nts)),
        ]
        rows += [Row(server, group) for server in found if server]
    return [row for row in rows if only is None or not row.server.ours or row.server.name in only]


def as_text(options: argparse.Namespace, rows: list[Row]) -> str:
    """The table, and what is not in it."""
    named = {row.server.name: row for row in rows}
    cells = [["server", "CPU µs/exchange", "least–most", "÷ ntpd-rs 1.9", "÷ chrony", "exchanges/s"]]
    for row in rows:
        hybrid = row.group == HYBRID
        earlier, chrony = (
            named.get(EARLIER_HYBRID if hybrid else EARLIER),
            named.get(CHRONY_HYBRID if hybrid else CHRONY),
        )
        cells.append(
            [
                row.server.name,
                f"{median(row.cpu_us):.1f}",
                spread(row.cpu_us),
                f"{ratio(row.cpu_us, earlier.cpu_us):.2f}" if earlier else "",
                f"{ratio(row.cpu_us, chrony.cpu_us):.2f}" if chrony else "",
                f"{median(row.per_second):.0f}",
            ]
        )
    text = [
        f"{options.rounds} rounds of {options.seconds} s; {options.connections} connections at once.",
        "Full handshakes of TLS 1.3 with a certificate of P-256 and the group X25519, or X25519MLKEM768 (hybrid).",
        "Medians of the rounds; ratios, to the same group, are medians of the ratios within each round.",
        "",
        table(cells),
    ]
    if not programs.find_earlier():
        text.append(
            "\nNot judged: what is promised beside ntpd-rs 1.9, which is not in the cache; --install builds it there."
        )
    elif EARLIER_HYBRID not in named:
        text.append(f"\nLeft out: {EARLIER_HYBRID}, which does not know the group.")
    if CHRONY_HYBRID not in named:
        text.append(f"\nLeft out: {CHRONY_HYBRID}, which does not know the group.")
    return "\n".join(text)


def as_json(rows: list[Row]) -> str:
    """Every figure of every round."""
    found = {
        row.server.name: {"cpu_us_per_exchange": row.cpu_us, "exchanges_per_second": row.per_second} for row in rows
    }
    return json.dumps(found, indent=1)

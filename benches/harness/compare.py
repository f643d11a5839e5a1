"""The comparison: servers loaded in turn, round after round; CPU time per request, and ratios within each round."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from . import load, programs, servers
from .figures import broken_promises, median, ratio, spread, table
from .isolation import BenchFailure, CannotRun, check_machine
from .process import Running
from .programs import Programs
from .script import Script
from .servers import WORKER, Nts, Server, Settings

FIRST_PORT = 11100
# Of all addresses together: within the budget of every client, and more than one cache line of any table.
ADDRESSES = 1024
# Within the budget of every client. More requests at once than a client has burst never wait for it.
LIMIT_KEYS = "rate-limiting-cache-size = 16384\nrate-limiting-cutoff-ms = 1\nrate-limiting-burst = 1000\n"
COUNT_KEYS = "client-statistics = 64\n"
CHRONY, OURS, LIMITED_TOO = "chrony", "ours", "ours, limited and counted"
CHRONY_NTS, OURS_NTS = "chrony, NTS", "ours, NTS"
CHRONY_NTS_8, OURS_NTS_8 = "chrony, NTS, 8 cookies", "ours, NTS, 8 cookies"
OURS_NTS_30 = "ours, NTS, AES-128-GCM-SIV"
# Rows that chrony does with NTS are compared with that, all others with what it does without.
SAME_OF_CHRONY = {
    CHRONY_NTS: CHRONY_NTS,
    OURS_NTS: CHRONY_NTS,
    OURS_NTS_30: CHRONY_NTS,
    CHRONY_NTS_8: CHRONY_NTS_8,
    OURS_NTS_8: CHRONY_NTS_8,
}
# Of both families: a reply must leave from the address that was asked, which the kernel is to say of each request.
EVERYWHERE = "ours, at [::]"
ONE_WORKER, TWO_WORKERS = "ours, 1 worker, load on 2 CPUs", "ours, 2 workers, load on 2 CPUs"
# A row, what it is compared with, and the ratio of their CPU per request that it may have at most.
PROMISES = [
    (OURS, CHRONY, 0.90),
    (LIMITED_TOO, CHRONY, 0.97),
    (OURS_NTS, CHRONY_NTS, 0.80),
    (OURS_NTS_8, CHRONY_NTS_8, 0.80),
    (TWO_WORKERS, ONE_WORKER, 1.15),
]


@dataclass
class Row:
    """A server, where it runs, and what was found."""

    server: Server
    server_cpus: list[int]
    load_cpus: list[int]
    port: int = 0
    cpu_us: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    lost: float = 0
    sent: float = 0


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="benches/compare-servers",
        description="CPU time per request of chronyd, ntpd-rs 1.9, ours and a bare echo, loaded in turn.",
        epilog="Needs root, two CPUs and tests/daemon/get-peers. Everything runs in namespaces of its own, without the "
        "right to set a clock. Exit codes: 0 promises kept, 1 one broken, 77 cannot run here (says why).",
    )
    parser.add_argument("--rounds", type=int, default=15, help="every server in turn, so often (15)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of load in each (0.5)")
    parser.add_argument("--profile", default="release", help="Cargo profile of our programs (release)")
    parser.add_argument("--addresses", type=int, default=ADDRESSES, help=f"clients' addresses ({ADDRESSES})")
    parser.add_argument("--only", action="append", metavar="NAME", help="this row, besides chrony's and the echo")
    parser.add_argument("--install", action="store_true", help="build ntpd-rs 1.9 into the cache, if not there")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON instead of tables")
    options = parser.parse_args()
    if options.rounds < 1 or not 0.05 <= options.seconds <= 60 or not 0 <= options.addresses <= 1 << 16:
        parser.error("rounds from 1, seconds from 0.05 to 60, addresses to 65536")
    return options


def main() -> int:
    """The command."""
    options = arguments()

    def check() -> None:
        check_machine()
        programs.check_peers(install_missing=options.install)

    return Script(
        name="compare-servers",
        check=check,
        measure=lambda folder, built: compare(options, folder, built),
        broken_promises=broken,
        as_text=lambda rows: as_text(options, rows),
        as_json=as_json,
    ).run(options)


def broken(rows: list[Row]) -> list[str]:
    """Those that are broken."""
    return broken_promises({row.server.name: row.cpu_us for row in rows}, PROMISES, "request")


def compare(options: argparse.Namespace, folder: Path, built: Programs) -> list[Row]:
    """All rounds."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise CannotRun("two CPUs are needed: one for the server, one for the load")
    certificates = servers.make_certificates(built, folder)
    rows = all_rows(built, available, certificates, options.only)
    with ExitStack() as stack:
        running = []
        for index, row in enumerate(rows):
            row.port = FIRST_PORT + index
            process = row.server.start(folder, row.port, row.server_cpus)
            stack.callback(process.end)
            running.append(process)
        for row, process in zip(rows, running, strict=True):
            load.wait_until_answering(built.load, row.port, row.load_cpus[0])
            process.check()
            if row.server.ours and row.server.workers > 1:
                process.pin_each(WORKER, row.server_cpus)
        for number in range(options.rounds):
            # Another one begins each time, for whoever comes after a heavy one may find a warmer or colder machine.
            for offset in range(len(rows)):
                which = (number + offset) % len(rows)
                measure(options, built, rows[which], running[which])
            if not options.json:
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return rows


def all_rows(built: Programs, cpus: list[int], certificates: Path, only: list[str] | None) -> list[Row]:
    """Every server with its CPUs: the server on one and the load on another, but where workers are compared."""
    one, other = cpus[0], cpus[1]
    apart = [
        servers.ours(built, OURS),
        servers.ours(built, LIMITED_TOO, Settings(keys=LIMIT_KEYS + COUNT_KEYS)),
        servers.ours(built, EVERYWHERE, Settings(at="[::]")),
        servers.earlier(),
        *with_nts(built, certificates),
    ]
    rows = [Row(servers.chrony(CHRONY), [one], [other]), Row(servers.echo(built), [one], [other])]
    rows += [Row(server, [one], [other]) for server in apart if server]
    # A generator on each CPU in both, so that half of the requests come from another CPU than their worker's.
    rows.append(Row(servers.ours(built, ONE_WORKER), [one], [one, other]))
    rows.append(Row(servers.ours(built, TWO_WORKERS, Settings(workers=2)), [one, other], [one, other]))
    if only is None:
        return rows
    wanted = {*only, *(SAME_OF_CHRONY.get(name, CHRONY) for name in only)}
    return [row for index, row in enumerate(rows) if index < 2 or row.server.name in wanted]


def with_nts(built: Programs, certificates: Path) -> list[Server]:
    """Rows with NTS, chrony's and ours."""
    one, eight = Nts(certificates), Nts(certificates, cookies=8)
    return [
        servers.chrony(CHRONY_NTS, one),
        servers.ours(built, OURS_NTS, Settings(nts=one)),
        servers.chrony(CHRONY_NTS_8, eight),
        servers.ours(built, OURS_NTS_8, Settings(nts=eight)),
        servers.ours(built, OURS_NTS_30, Settings(nts=Nts(certificates, algorithm=30))),
    ]


def measure(options: argparse.Namespace, built: Programs, row: Row, process: Running) -> None:
    """One server, once."""
    process.check()
    switches = [
        f"--seconds={options.seconds}",
        "--warm-up=0.1",
        f"--addresses={options.addresses}",
        f"--server-pid={process.pid}",
        f"--outstanding={16 // len(row.load_cpus)}",
    ]
    if row.server.nts:
        switches += row.server.nts.switches(row.port)
    commands = [load.command(built.load, row.port, cpu, *switches) for cpu in row.load_cpus]
    found = load.run(commands, options.seconds)
    replies = sum(each["answered"] + each["without_time"] for each in found)
    if sum(each["answered"] for each in found) < 0.99 * replies or replies == 0:
        raise BenchFailure(f"{row.server.name} did not give time to everybody: {found}")
    # With several generators each has seen the CPU time of the whole server.
    cpu = sum(each["server_cpu_seconds"] / each["seconds"] for each in found) / len(found)
    per_second = sum(each["replies_per_second"] for each in found)
    row.cpu_us.append(cpu / per_second * 1e6)
    row.per_second.append(per_second)
    row.lost += sum(each["lost"] for each in found)
    row.sent += sum(each["sent"] for each in found)


def as_text(options: argparse.Namespace, rows: list[Row]) -> str:
    """The tables and the ratios that matter."""
    echo, named = rows[1], {row.server.name: row for row in rows}
    alone, plain, protected = named.get(ONE_WORKER), named.get(OURS), named.get(OURS_NTS)
    cells = [["server", "CPU µs/request", "least–most", "÷ chrony", "÷ echo", "÷ 1 worker", "requests/s", "lost"]]
    for row in rows:
        chrony = named[SAME_OF_CHRONY.get(row.server.name, CHRONY)]
        cells.append(
            [
                row.server.name,
                f"{median(row.cpu_us):.2f}",
                spread(row.cpu_us),
                f"{ratio(row.cpu_us, chrony.cpu_us):.2f}",
                f"{ratio(row.cpu_us, echo.cpu_us):.2f}",
                f"{ratio(row.cpu_us, alone.cpu_us):.2f}" if alone and row.server.name == TWO_WORKERS else "",
                f"{median(row.per_second):.0f}",
                f"{row.lost / row.sent:.2%}",
            ]
        )
    text = [
        f"{options.rounds} rounds of {options.seconds} s; {options.addresses} addresses, 128 requests on their way.",
        "Medians of the rounds; ratios are medians of the ratios within each round.",
        "Rows with NTS are compared with what chrony does with NTS.",
        "",
        table(cells),
    ]
    if plain and protected:
        text.append(f"\nA request with NTS costs ours {ratio(protected.cpu_us, plain.cpu_us):.2f} of one without.")
    if not programs.find_earlier():
        text.append("\nLeft out: ntpd-rs 1.9 is not in the cache; --install builds it there.")
    return "\n".join(text)


def as_json(rows: list[Row]) -> str:
    """Every figure of every round."""
    found = {
        row.server.name: {
            "cpu_us_per_request": row.cpu_us,
            "requests_per_second": row.per_second,
            "lost": row.lost,
            "sent": row.sent,
        }
        for row in rows
    }
    return json.dumps(found, indent=1)

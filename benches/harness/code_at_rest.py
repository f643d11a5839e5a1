"""Which code a daemon at rest runs, as callgrind sees it; the linker is told to put that together."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from . import programs
from .at_rest import check_bus, ours, rest, surroundings
from .isolation import BenchFailure, check_machine
from .process import Running
from .programs import ROOT, Programs
from .script import Script

ORDER = ROOT / "packaging/at-rest.ld"
HEAD = """\
/*
 * The functions that a daemon at rest runs, side by side: around whatever is needed, the kernel maps 64 KiB of program.
 * Written by benches/code-at-rest; a function that has gone is no error, and one that is missing is only further away.
 */
SECTIONS
{
  .text.at_rest :
  {
"""
TAIL = """\
  }
}
INSERT BEFORE .text;
"""
# What start-up needs has been let go of by then (src/sys/own_code.rs).
START_UP_S = 150.0


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="benches/code-at-rest",
        description="Watches our daemon as a client of four servers by callgrind, and writes the linker script "
        "packaging/at-rest.ld, by which packaging/build puts together what it runs.",
        epilog="Needs what benches/compare-idle needs, and valgrind. "
        "Exit codes: 0 written, 1 failed, 77 cannot run here.",
    )
    parser.add_argument("--seconds", type=float, default=900, help="of watching, after start-up (900)")
    parser.add_argument("--profile", default="dist", help="Cargo profile of our programs (dist)")
    options = parser.parse_args()
    options.json = False
    return options


def main() -> int:
    """The command."""
    options = arguments()

    def check() -> None:
        check_machine("dbus-daemon", "cc", "valgrind", "callgrind_control")
        programs.check_peers(install_missing=False)
        # Callgrind tells functions by their symbols.
        os.environ[f"CARGO_PROFILE_{options.profile.upper()}_STRIP"] = "false"

    return Script(
        name="code-at-rest",
        check=check,
        measure=lambda folder, built: watch(options, folder, built),
        broken_promises=lambda _: [],
        as_text=write,
        as_json=lambda _: "",
        build=programs.build_daemon,
    ).run(options)


def watch(options: argparse.Namespace, folder: Path, built: Programs) -> set[str]:
    """The symbols of the functions that were executed after start-up."""
    output = folder / "callgrind"
    valgrind = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={output}"]
    with surroundings(folder) as around:
        command = [*around.preload, *around.environment, *valgrind, *ours(folder, built.daemon)]
        daemon = around.start("ours", command)
        rest(START_UP_S, [daemon], around.listener, "starting up")
        control(daemon, "--zero")
        rest(options.seconds, [daemon], around.listener, "watching")
        check_bus(around.bus)
        control(daemon, "--dump")
        rest(5.0, [daemon], around.listener, "")
    return executed(Path(f"{output}.1").read_text().splitlines())


def control(daemon: Running, what: str) -> None:
    """Asks callgrind for something."""
    said = subprocess.run(["callgrind_control", what, str(daemon.pid)], capture_output=True, text=True, check=False)
    if said.returncode != 0 or "OK" not in said.stdout:
        raise BenchFailure(f"callgrind does not listen: {said.stdout}{said.stderr}")


def executed(lines: Iterable[str]) -> set[str]:
    """Of callgrind's profile, the functions with costs of their own."""
    names: dict[str, str] = {}
    found: set[str] = set()
    current, is_call = "", False
    for line in lines:
        if named := re.match(r"c?fn=\((\d+)\)(?: (\S+))?", line):
            number, name = named.groups()
            if name:
                # Recursion is marked by a number behind an apostrophe.
                names[number] = name.partition("'")[0]
            if line.startswith("fn="):
                current = number
        elif line.startswith("calls="):
            is_call = True
        elif re.match(r"[+\-*\d]\S* [1-9]", line):
            # The line behind calls= has the costs of somebody else.
            if not is_call:
                found.add(current)
            is_call = False
    return {names[number] for number in found if number in names}


def pattern(symbol: str) -> str:
    """The same function as another version of the compiler would call it: their names end in, or contain, numbers."""
    symbol = re.sub(r"17h[0-9a-f]{16}E", "17h*E", symbol)
    symbol = re.sub(r"\.(llvm\.)?\d+$", "*", symbol)
    return re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", symbol)


def write(symbols: set[str]) -> str:
    """The script of Rust's functions among them; what it says at the end."""
    patterns = sorted({pattern(symbol) for symbol in symbols if symbol.startswith(("_ZN", "_R"))})
    if len(patterns) < 100:
        raise BenchFailure(f"callgrind saw {len(patterns)} functions of Rust's only: is the daemon stripped?")
    ORDER.write_text(HEAD + "".join(f"    *(.text.{each})\n" for each in patterns) + TAIL)
    return f"{len(patterns)} functions: {ORDER.relative_to(ROOT)}"

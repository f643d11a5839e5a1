"""Where the programs are, and building ours. Starts no server."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .isolation import CannotRun

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ntpd-rs"
PEERS = Path(os.environ.get("NTPD_RS_PEERS") or CACHE / "peers")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
EARLIER = CACHE / "earlier"
GET_PEERS = ROOT / "tests/daemon/get-peers"
# In the order of `Programs`.
EXAMPLES = ("ntp-load", "bare-echo", "throwaway-certificate", "key-exchange-load")


@dataclass(frozen=True)
class Programs:
    """Programs that are there."""

    daemon: Path
    load: Path
    echo: Path
    certificate: Path
    exchanges: Path


def in_use() -> list[Path]:
    """Folders that programs or scripts are in."""
    return [ROOT, CACHE, PEERS, TARGET]


def ours(profile: str) -> Programs:
    """Our daemon and what is needed beside it, where `build` puts them."""
    folder = TARGET / ("debug" if profile == "dev" else profile)
    return Programs(folder / "ntp-daemon", *(folder / "examples" / name for name in EXAMPLES))


def build_daemon(profile: str) -> None:
    """Builds it alone."""
    build(profile, ())


def build(profile: str, examples: tuple[str, ...] = EXAMPLES) -> None:
    """Builds the daemon, and these."""
    command = ["cargo", "build", "--quiet", "--locked", "--profile", profile, "--bin", "ntp-daemon"]
    for name in examples:
        command += ["--example", name]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise CannotRun("the build failed")


def build_as_packed(profile: str) -> None:
    """Builds the programs as packages bring them."""
    if subprocess.run([ROOT / "packaging/build", "--programs", "--profile", profile], check=False).returncode != 0:
        raise CannotRun("the build failed")


def find_chronyd() -> list[str]:
    """The command that runs Debian's chronyd from the cache, with the libraries that came along."""
    if not (PEERS / "usr/sbin/chronyd").exists():
        raise CannotRun(
            "no chronyd in the cache: tests/daemon/get-peers debian unpacks it there (and installs nothing)"
        )
    libraries = (PEERS / "library-path").read_text().strip()
    return ["env", f"LD_LIBRARY_PATH={libraries}", str(PEERS / "usr/sbin/chronyd")]


def check_peers(*, install_missing: bool) -> None:
    """Fails without chronyd in the cache; ntpd-rs 1.9 is built into it, if that is asked for."""
    find_chronyd()
    if install_missing:
        install_earlier()


def find_earlier() -> list[str] | None:
    """The command that runs ntpd-rs 1.9 from the cache, if it was built."""
    program = EARLIER / "bin/ntp-daemon"
    return [str(program)] if program.exists() else None


def install_earlier() -> None:
    """Builds ntpd-rs 1.9 into the cache; nothing of it is installed elsewhere."""
    if subprocess.run([GET_PEERS, "earlier"], check=False).returncode != 0:
        raise CannotRun("cargo could not build ntpd-rs 1.9")

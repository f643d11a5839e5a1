"""The servers that are compared: how each is started so that it answers everybody and touches no clock."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .process import Running
from .programs import Programs, find_chronyd, find_earlier

# How our daemon names the threads that serve.
WORKER = "ntp-server"


# From a server's port to that of its key exchange.
KEY_EXCHANGE = 500


@dataclass(frozen=True)
class Nts:
    """How a server is asked with NTS."""

    # The folder of its certificate.
    certificates: Path
    algorithm: int = 15
    # Cookies in each reply.
    cookies: int = 1

    def switches(self, port: int) -> list[str]:
        """For the generator."""
        return [
            f"--nts=127.0.0.1:{port + KEY_EXCHANGE}",
            f"--ca={self.certificates / 'ca.pem'}",
            f"--nts-algorithm={self.algorithm}",
            f"--placeholders={self.cookies - 1}",
        ]


def make_certificates(programs: Programs, folder: Path) -> Path:
    """For 127.0.0.1, by an authority that goes with the folder; where they are."""
    own = folder / "certificates"
    own.mkdir()
    subprocess.run([programs.certificate, own, "127.0.0.1"], check=True)
    return own


@dataclass(frozen=True)
class Server:
    """A row of the table."""

    name: str
    # Given the folder for its files and its port: the command.
    command: Callable[[Path, int], list[str]]
    workers: int = 1
    # Whether its threads can be told apart and get a CPU each.
    ours: bool = False
    nts: Nts | None = None

    def start(self, folder: Path, port: int, cpus: Sequence[int]) -> Running:
        """Runs it on these CPUs."""
        own = folder / f"{self.name.replace(' ', '-').replace('.', '-')}-{port}"
        own.mkdir()
        return Running(self.name, self.command(own, port), cpus)


def chrony(name: str, nts: Nts | None = None) -> Server:
    """Debian's, as its package has it but for the source of time: with its log of clients, without rate limiting."""

    def command(folder: Path, port: int) -> list[str]:
        lines = [
            f"port {port}",
            "bindaddress 127.0.0.1",
            "allow",
            "local stratum 1",
            "cmdport 0",
            "bindcmdaddress /",
            f"pidfile {folder}/pid",
        ]
        if nts:
            lines += [
                f"ntsport {port + KEY_EXCHANGE}",
                f"ntsservercert {nts.certificates}/certificate.pem",
                f"ntsserverkey {nts.certificates}/key.pem",
            ]
        (folder / "chrony.conf").write_text("\n".join(lines) + "\n")
        return [*find_chronyd(), "-x", "-d", "-u", "root", "-f", str(folder / "chrony.conf")]

    return Server(name, command, nts=nts)


def earlier(name: str = "ntpd-rs 1.9", nts: Nts | None = None) -> Server | None:
    """ntpd-rs 1.9. Without sources it never changes the time, and it lacks the right to as well."""
    program = find_earlier()
    if program is None:
        return None

    def command(folder: Path, port: int) -> list[str]:
        text = f'[observability]\nlog-level = "warn"\n\n[[server]]\nlisten = "127.0.0.1:{port}"\n\n'
        text += "[synchronization]\nlocal-stratum = 1\n"
        text += key_exchange_section(nts, port) if nts else ""
        (folder / "ntp.toml").write_text(text)
        return [*program, "-c", str(folder / "ntp.toml")]

    return Server(name, command, nts=nts)


def echo(programs: Programs) -> Server:
    """The limit of a socket with stamps."""
    return Server("bare echo", lambda _folder, port: [str(programs.echo), f"127.0.0.1:{port}"])


@dataclass(frozen=True)
class Settings:
    """Of our daemon, where they are not the usual ones."""

    # For `[[server]]`.
    keys: str = ""
    workers: int = 1
    at: str = "127.0.0.1"
    observation: Path | None = None
    nts: Nts | None = None


def ours(programs: Programs, name: str, settings: Settings = Settings()) -> Server:
    """Our daemon."""
    nts = settings.nts

    def command(folder: Path, port: int) -> list[str]:
        text = '[observability]\nlog-level = "warn"\n'
        text += f'observation-path = "{settings.observation}"\n' if settings.observation else ""
        text += "\n[clock]\nclock-control = false\n\n"
        text += "[synchronization]\nlocal-stratum = 1\n\n"
        text += f'[[server]]\nlisten = "{settings.at}:{port}"\nthreads = {settings.workers}\n{settings.keys}'
        text += key_exchange_section(nts, port) if nts else ""
        (folder / "ntp.toml").write_text(text)
        return [str(programs.daemon), "-c", str(folder / "ntp.toml")]

    return Server(name, command, settings.workers, ours=True, nts=nts)


def key_exchange_section(nts: Nts, port: int) -> str:
    """As ours and ntpd-rs 1.9 both read it."""
    text = f'\n[[nts-ke-server]]\nlisten = "127.0.0.1:{port + KEY_EXCHANGE}"\n'
    text += f'certificate-chain-path = "{nts.certificates}/certificate.pem"\n'
    return text + f'private-key-path = "{nts.certificates}/key.pem"\n'

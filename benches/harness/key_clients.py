#!/usr/bin/env python3
"""A crowd of clients that no server for NTS key exchange wants; see --help. Runs alone: stories use it too.

One thread, one epoll: ten thousand of them take little of the machine once they are connected.
"""

from __future__ import annotations

import argparse
import collections
import errno
import heapq
import itertools
import json
import os
import select
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

# Of each kind: what is sent over TCP, or whether TLS is spoken.
KINDS = ("silent", "slow", "garbage", "http", "long", "half", "old-tls", "no-alpn", "mute", "cut-off")
OVER_TLS = ("old-tls", "no-alpn", "mute", "cut-off")
SLOW_PAUSE = 0.1
# A ClientHello of 65535 bytes, nearly as long as TLS has room for: the first three records of it, and never the last.
LONG = b"".join(
    b"\x16\x03\x01\x40\x00" + begin + bytes(16384 - len(begin)) for begin in (b"\x01\x00\xff\xff", b"", b"")
)
REPORT_PAUSE = 1.0


@dataclass
class Counts:
    """Since the start, but for `open`."""

    begun: int = 0
    # TCP connections that came about, and handshakes that the client saw finished.
    connected: int = 0
    handshakes: int = 0
    # Ends, as this side saw them.
    reset: int = 0
    closed: int = 0
    failed: int = 0
    open: int = 0


@dataclass(order=True)
class Due:
    """Something to do at a time."""

    at: float
    order: int
    action: Callable[[], None] = field(compare=False)


class Crowd:
    """All clients, and the loop."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.counts = Counts()
        self.poll = select.epoll()
        self.clients: dict[int, Client] = {}
        self.due: list[Due] = []
        self.order = itertools.count()
        # Who wishes to connect.
        self.waiting = collections.deque(Client(self) for _ in range(options.clients))
        self.context = context(options.kind)
        self.hello = hello(self.context)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Does it then."""
        heapq.heappush(self.due, Due(time.monotonic() + seconds, next(self.order), action))

    def report(self) -> None:
        """One line of JSON."""
        print(json.dumps({"at": time.monotonic(), **vars(self.counts)}), flush=True)
        self.after(REPORT_PAUSE, self.report)

    def run(self) -> None:
        """Until somebody ends it."""
        self.report()
        begin, begun = time.monotonic(), 0
        while True:
            now = time.monotonic()
            while self.due and self.due[0].at <= now:
                heapq.heappop(self.due).action()
            allowed = int((now - begin) * self.options.rate)
            # What was not begun for want of time is not made up for.
            begun = max(begun, allowed - max(1, int(self.options.rate * 0.05)))
            while self.waiting and begun < allowed:
                begun += 1
                self.waiting.popleft().begin()
            wait = 1 / self.options.rate if self.waiting else REPORT_PAUSE
            if self.due:
                wait = min(wait, self.due[0].at - now)
            for descriptor, _ in self.poll.poll(max(0.001, wait), 512):
                if client := self.clients.get(descriptor):
                    client.go_on()


class Client:
    """One of the crowd; it connects again when the server has had enough of it."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.socket: socket.socket | None = None
        self.connected = False
        self.shaken = False
        self.rest = b""
        self.life = 0

    def begin(self) -> None:
        """Connects."""
        options, counts = self.crowd.options, self.crowd.counts
        self.connected = self.shaken = False
        self.life += 1
        self.rest = self.payload()
        self.socket = socket.socket(socket.AF_INET6 if ":" in options.address else socket.AF_INET)
        self.socket.settimeout(0)
        counts.begun += 1
        counts.open += 1
        result = self.socket.connect_ex((options.address, options.port))
        if result not in (0, errno.EINPROGRESS):
            self.end(OSError(result, os.strerror(result)))
            return
        self.crowd.clients[self.socket.fileno()] = self
        self.crowd.poll.register(self.socket, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)

    def payload(self) -> bytes:
        """What it says over TCP."""
        match self.crowd.options.kind:
            case "garbage":
                return os.urandom(300)
            case "http":
                return b"GET / HTTP/1.1\r\nHost: time.example\r\n\r\n"
            case "long":
                return LONG
            case "half" | "slow":
                return self.crowd.hello
            case _:
                return b""

    def go_on(self) -> None:
        """Something can be read or written."""
        try:
            self.step()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return
        except OSError as error:
            self.end(error)

    def step(self) -> None:
        """As far as it goes without waiting."""
        assert self.socket
        if not self.connected:
            if error := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, os.strerror(error))
            self.connected = True
            self.crowd.counts.connected += 1
            self.speak_tls()
            if self.crowd.options.kind == "slow":
                self.one_byte(self.life)
        if isinstance(self.socket, ssl.SSLSocket) and not self.shaken:
            self.socket.do_handshake()
            self.shaken = True
            self.crowd.counts.handshakes += 1
            if self.crowd.options.kind == "cut-off":
                # Next protocol NTPv4, critical; and half of a record.
                self.socket.send(bytes([0x80, 1, 0, 2, 0, 0, 0x80, 4]))
        while self.rest and self.crowd.options.kind != "slow":
            self.rest = self.rest[self.socket.send(self.rest) :]
        while self.socket.recv(4096):
            pass
        self.end(None)

    def speak_tls(self) -> None:
        """From here on, if this kind does."""
        assert self.socket
        if self.crowd.options.kind in OVER_TLS:
            descriptor = self.socket.fileno()
            self.socket = self.crowd.context.wrap_socket(self.socket, do_handshake_on_connect=False)
            assert self.socket.fileno() == descriptor

    def one_byte(self, life: int) -> None:
        """The next one of a slow client, if it has the same connection still."""
        if life != self.life or not self.socket:
            return
        try:
            self.socket.send(self.rest[:1])
        except OSError as error:
            self.end(error)
            return
        self.rest = self.rest[1:]
        if self.rest:
            self.crowd.after(SLOW_PAUSE, lambda: self.one_byte(life))

    def end(self, error: OSError | None) -> None:
        """It is gone, and comes back."""
        counts = self.crowd.counts
        counts.open -= 1
        if error is None:
            counts.closed += 1
        elif error.errno in (errno.ECONNRESET, errno.EPIPE):
            counts.reset += 1
        elif isinstance(error, ssl.SSLError):
            counts.closed += 1
        else:
            counts.failed += 1
        if self.socket:
            self.crowd.clients.pop(self.socket.fileno(), None)
            self.socket.close()
            self.socket = None
        self.crowd.after(self.crowd.options.pause, lambda: self.crowd.waiting.append(self))


def context(kind: str) -> ssl.SSLContext:
    """How TLS is spoken. It trusts everybody: it wants nothing."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_NONE
    if kind == "old-tls":
        found.maximum_version = ssl.TLSVersion.TLSv1_2
    if kind != "no-alpn":
        found.set_alpn_protocols(["ntske/1"])
    return found


def hello(context: ssl.SSLContext) -> bytes:
    """A whole ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing)
    with suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description="Connects to a key exchange server (RFC 8915), never asks for keys, and connects again when it is "
        "thrown out. Prints counts as a line of JSON each second, until it is ended.",
    )
    parser.add_argument("kind", choices=KINDS, help="what every client does")
    parser.add_argument("address", help="the server's, on this machine or one's own")
    parser.add_argument("port", type=int)
    parser.add_argument("--clients", type=int, default=100, help="how many there are (100)")
    parser.add_argument("--rate", type=float, default=100.0, help="connections a second, at most (100)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds before a client connects again (0)")
    return parser.parse_args()


def main() -> int:
    """The command."""
    options = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    Crowd(options).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long a plain request for time takes, and an honest key exchange. Starts no server."""

from __future__ import annotations

import os
import random
import socket
import ssl
import struct
import time
from pathlib import Path

from .isolation import BenchFailure

# Client, version 4.
REQUEST = bytes([0x23]) + bytes(39)
LOST_AFTER = 0.5
# SO_TIMESTAMPNS_NEW, which Python has no name for: two times 64 bits, seconds and nanoseconds.
TIMESTAMPS = 64
PATIENCE = 5.0
# Next protocol NTPv4, algorithm 15, end: all critical.
KEY_REQUEST = bytes.fromhex("80010002 0000 80040002 000f 80000000")
COOKIE = 5


def ask(port: int, seconds: float, per_second: float) -> list[float]:
    """Seconds that each request took, infinite for those that were lost.

    From before it is sent until the kernel has the reply: when this process gets to see it does not count. One after
    another, at random moments.
    """
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, TIMESTAMPS, 1)
        server.settimeout(LOST_AFTER)
        server.connect(("127.0.0.1", port))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(random.expovariate(per_second))
            found.append(exchange(server))
    return found


def exchange(server: socket.socket) -> float:
    """One of them."""
    nonce = os.urandom(8)
    sent = time.clock_gettime_ns(time.CLOCK_REALTIME)
    server.send(REQUEST + nonce)
    while True:
        try:
            reply, ancillary, _, _ = server.recvmsg(128, 64)
        except TimeoutError:
            return float("inf")
        # A late reply to a request before is none to this one.
        if reply[24:32] == nonce:
            seconds, nanoseconds = struct.unpack("=qq", ancillary[0][2][:16])
            return float(seconds * 1_000_000_000 + nanoseconds - sent) / 1e9


def quantile(values: list[float], share: float) -> float:
    """The value that this share of them is not above."""
    if not values:
        raise BenchFailure("nothing was measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class KeyClient:
    """An honest client, which checks the certificate."""

    def __init__(self, port: int, authority: Path) -> None:
        self.port = port
        self.context = ssl.create_default_context(cafile=str(authority))
        self.context.set_alpn_protocols(["ntske/1"])

    def exchange(self) -> float | None:
        """Seconds from nothing to the last cookie; nothing if it did not come to that."""
        begin = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as plain:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self.context.wrap_socket(plain, server_hostname="127.0.0.1") as server:
                    server.sendall(KEY_REQUEST)
                    answer = b""
                    while part := server.recv(4096):
                        answer += part
        except OSError:
            return None
        return time.monotonic() - begin if cookies(answer) else None


def cookies(answer: bytes) -> int:
    """How many are in it."""
    count = 0
    while len(answer) >= 4:
        kind, length = struct.unpack(">HH", answer[:4])
        count += kind & 0x7FFF == COOKIE
        answer = answer[4 + length :]
    return count

"""The runner's end of the line to a node's agent: one JSON request, one JSON answer. Knows no verbs."""

from __future__ import annotations

import base64
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

from .errors import StoryFailure

# How much longer than the command's own limit an answer may take before the node counts as hung.
ANSWER_GRACE_SECONDS = 20.0
# The terminal of a node loses what comes faster than it is read; a piece per write keeps below that.
PIECE_BYTES = 1024


@dataclass(frozen=True)
class Result:
    """What a command came to; status 124 is its time limit."""

    status: int
    output: str
    errors: str


@dataclass
class Agent:
    """A line to one node's root shell."""

    node: str
    line: socket.socket
    pending: bytes = b""
    number: int = 0

    def wait_until_ready(self, timeout: float) -> None:
        """Waits for the agent's greeting after boot."""
        answer = self.receive(time.monotonic() + timeout, "the node did not boot")
        if not answer.get("ready"):
            raise StoryFailure(f"{self.node}: the agent greeted with {answer}")

    def run(self, command: str, timeout: float) -> Result:
        """Runs a shell command (`set -euo pipefail`) to its end or its time limit."""
        answer = self.ask({"command": command, "timeout": timeout}, timeout, command)
        return Result(int(answer["status"]), decode(answer["output"]), decode(answer["errors"]))

    def store(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Writes a file in the node."""
        request = {"path": path, "content": base64.b64encode(content).decode(), "mode": mode}
        self.ask(request, 30, f"writing {path}")

    def ask(self, request: dict[str, Any], timeout: float, what: str) -> dict[str, Any]:
        """Sends a request and waits for its own answer; one left over from an interruption is skipped."""
        self.number += 1
        data = json.dumps({"id": self.number, **request}).encode() + b"\n"
        deadline = time.monotonic() + timeout + ANSWER_GRACE_SECONDS
        self.line.settimeout(ANSWER_GRACE_SECONDS)
        for start in range(0, len(data), PIECE_BYTES):
            self.line.sendall(data[start : start + PIECE_BYTES])
        while True:
            answer = self.receive(deadline, f"no answer to: {what}")
            if answer.get("id") == self.number:
                return answer

    def receive(self, deadline: float, problem: str) -> dict[str, Any]:
        """The next line as JSON."""
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0:
                raise StoryFailure(f"{self.node}: {problem}")
            self.line.settimeout(left)
            try:
                data = self.line.recv(65536)
            except TimeoutError:
                continue
            if not data:
                raise StoryFailure(f"{self.node}: the node ended: {problem}")
            self.pending += data
        text, self.pending = self.pending.split(b"\n", 1)
        answer = json.loads(text)
        if not isinstance(answer, dict):
            raise StoryFailure(f"{self.node}: the agent sent {text!r}")
        return answer


def decode(text: str) -> str:
    """The agent's base64 as text."""
    return base64.b64decode(text).decode(errors="replace")

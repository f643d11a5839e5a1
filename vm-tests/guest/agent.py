"""Runs in a test node: carries out the runner's commands, one JSON line in, one JSON line out."""

import base64
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import tty
from typing import IO, Any

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LANG": "C.UTF-8",
}


def carry_out(request: dict[str, Any]) -> dict[str, Any]:
    """Runs one command to its end or its time limit; what it leaves in the background goes on."""
    # A file, not a pipe: a background process that keeps the output open must not hold the answer up.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            ["bash", "-c", "set -euo pipefail\n" + request["command"]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=ENVIRONMENT,
            cwd="/root",
            start_new_session=True,
        )
        try:
            status = process.wait(request["timeout"])
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = 124
        return {"id": request["id"], "status": status, "output": whole(output), "errors": whole(errors)}


def whole(file: IO[bytes]) -> str:
    """A file's content, fit for a line of JSON."""
    file.seek(0)
    return base64.b64encode(file.read()).decode()


def store(request: dict[str, Any]) -> dict[str, Any]:
    """Writes one file, its directories included."""
    os.makedirs(os.path.dirname(request["path"]), exist_ok=True)
    with open(request["path"], "wb") as file:
        file.write(base64.b64decode(request["content"]))
    os.chmod(request["path"], request["mode"])
    return {"id": request["id"], "status": 0, "output": "", "errors": ""}


def open_line(path: str) -> int:
    """A serial line or port of a machine, or the runner's socket in a container."""
    if stat.S_ISSOCK(os.stat(path).st_mode):
        runner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        runner.connect(path)
        return runner.detach()
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    if os.isatty(line):
        tty.setraw(line)
    return line


def main() -> None:
    """Serves the line for ever."""
    line = open_line(sys.argv[1])
    with os.fdopen(line, "rb", buffering=0) as reader, os.fdopen(os.dup(line), "wb", buffering=0) as writer:
        send(writer, {"ready": True})
        pending = b""
        while True:
            received = reader.read(65536)
            if not received:
                return
            pending += received
            while b"\n" in pending:
                text, pending = pending.split(b"\n", 1)
                if not text.strip():
                    continue
                request = json.loads(text)
                send(writer, store(request) if "path" in request else carry_out(request))


def send(writer: IO[bytes], answer: dict[str, Any]) -> None:
    """Writes one answer, however short the terminal's writes are."""
    data = json.dumps(answer).encode() + b"\n"
    while data:
        data = data[writer.write(data) :]


main()

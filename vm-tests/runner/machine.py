"""A node as a story's script sees it, with the verbs of the NixOS test driver. Boots nothing itself.

Names, parameters and meaning of the verbs follow the driver's manual, so that one script serves both.
"""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable
from pathlib import Path

from . import network
from .agent import Agent, Result
from .clock_recorder import ClockRecorder
from .errors import StoryFailure
from .log import Log
from .prepare import APT_INSTALL, prepare_boot, prepare_node
from .process import NodeProcess
from .story import Node

LIMIT_SECONDS = 900
BOOT_SECONDS = 180
RETRY_SECONDS = 0.5


class Machine:
    """One node; every verb boots it first where it is not running."""

    def __init__(
        self, node: Node, boot: Callable[[], NodeProcess], nodes: tuple[Node, ...], recorder: ClockRecorder, log: Log
    ) -> None:
        self.node = node
        self.name = node.name
        self._boot = boot
        self._nodes = nodes
        self._recorder = recorder
        self._log = log
        self._process: NodeProcess | None = None
        self._agent: Agent | None = None
        self._set_up = False

    # The life of a node

    def start(self) -> None:
        """Starts the node; does not wait until it has booted."""
        if self._process is None:
            self.log("boots")
            self._process = self._boot()

    def connect(self) -> Agent:
        """Waits until the node has booted so far that it takes commands."""
        if self._agent is not None:
            return self._agent
        self.start()
        if self._process is None:
            raise StoryFailure(f"{self.name}: did not start")
        started = time.monotonic()
        agent = Agent(self.name, self._process.open_agent_line(BOOT_SECONDS))
        agent.wait_until_ready(BOOT_SECONDS)
        if self._process.clock_line is not None:
            self._recorder.add(self.name, self._process.clock_line)
        self._agent = agent
        prepare_boot(agent, self.node)
        if not self._set_up:
            prepare_node(agent, self.node, self._nodes)
            self._set_up = True
        self.log(f"takes commands, {time.monotonic() - started:.1f} s later")
        return agent

    def shutdown(self) -> None:
        """Powers the node off cleanly and waits for its end."""
        if self._process is None:
            return
        # It may be gone before it has answered; whether it is, is asked next.
        with contextlib.suppress(StoryFailure, OSError):
            self.connect().run("systemctl poweroff --no-block", 30)
        ended = self._process.wait(90)
        if not ended:
            self.crash()
            raise StoryFailure(f"{self.name}: did not power off")
        self._forget()

    def crash(self) -> None:
        """Ends the node as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._forget()

    def reboot(self) -> None:
        """Powers the node off and starts it again, with the same disk."""
        self.shutdown()
        self.connect()

    def _forget(self) -> None:
        self._recorder.remove(self.name)
        self._process = None
        self._agent = None
        self.log("has ended")

    def journal(self) -> str:
        """The journal of this boot, its last 4 MB; nothing where the node does not take commands."""
        if self._agent is None or self._process is None or not self._process.running():
            return ""
        return self._agent.run("journalctl -b --no-pager -o short-precise | tail -c 4000000", 60).output

    # Commands

    def execute(
        self,
        command: str,
        check_return: bool = True,  # noqa: ARG002, FBT001, FBT002
        check_output: bool = True,  # noqa: ARG002, FBT001, FBT002
        timeout: float | None = LIMIT_SECONDS,
    ) -> tuple[int, str]:
        """Runs a command and returns its exit status and standard output (the driver's signature)."""
        result = self._run(command, timeout)
        return result.status, result.output

    def _run(self, command: str, timeout: float | None) -> Result:
        result = self.connect().run(command, LIMIT_SECONDS if timeout is None else timeout)
        self._log.detail(f"{self.name}: {command}\n[{result.status}] {result.output}{result.errors}")
        return result

    def succeed(self, *commands: str, timeout: float | None = None) -> str:
        """Runs commands that must exit with 0; returns what they printed."""
        output = ""
        for command in commands:
            result = self._run(command, timeout)
            if result.status != 0:
                raise StoryFailure(f"{self.name}: `{command}` exited {result.status}: {result.errors}{result.output}")
            output += result.output
        return output

    def show(self, *commands: str) -> str:
        """As `succeed`, and the run's log shows each command and what it printed."""
        output = ""
        for command in commands:
            printed = self.succeed(command)
            self._log.line(f"{self.name}$ {command}\n{printed.rstrip()}")
            output += printed
        return output

    def install(self, package: str) -> None:
        """Installs one of our Debian packages in /run/vm-test/packages, by a pattern of its name."""
        self.succeed(f"{APT_INSTALL}{package}", timeout=300)

    def fail(self, *commands: str, timeout: float | None = None) -> str:
        """Runs commands that must not exit with 0; returns what they printed."""
        output = ""
        for command in commands:
            result = self._run(command, timeout)
            if result.status == 0:
                raise StoryFailure(f"{self.name}: `{command}` unexpectedly succeeded: {result.output}")
            output += result.output
        return output

    def wait_until_succeeds(self, command: str, timeout: float = LIMIT_SECONDS) -> str:
        """Repeats a command until it exits with 0; returns what it printed then."""
        results: list[Result] = []

        def done() -> bool:
            results.append(self._run(command, timeout))
            return results[-1].status == 0

        self._retry(done, timeout, lambda: f"`{command}` still fails: {results[-1].errors}{results[-1].output}")
        return results[-1].output

    def wait_until_fails(self, command: str, timeout: float = LIMIT_SECONDS) -> str:
        """Repeats a command until it does not exit with 0; returns what it printed then."""
        results: list[Result] = []

        def done() -> bool:
            results.append(self._run(command, timeout))
            return results[-1].status != 0

        self._retry(done, timeout, lambda: f"`{command}` still succeeds: {results[-1].output}")
        return results[-1].output

    def wait_for_file(self, filename: str, timeout: float = LIMIT_SECONDS) -> None:
        """Waits until a file exists."""
        self.wait_until_succeeds(f"test -e {shlex.quote(filename)}", timeout)

    def wait_for_open_port(self, port: int, addr: str = "localhost", timeout: float = LIMIT_SECONDS) -> None:
        """Waits until something listens on a TCP port."""
        self.wait_until_succeeds(f"exec 3<>/dev/tcp/{addr}/{port}", timeout)

    def wait_for_closed_port(self, port: int, addr: str = "localhost", timeout: float = LIMIT_SECONDS) -> None:
        """Waits until nothing listens on a TCP port."""
        self.wait_until_fails(f"exec 3<>/dev/tcp/{addr}/{port}", timeout)

    def sleep(self, secs: float) -> None:
        """Lets time pass, for the node and for the story."""
        time.sleep(secs)

    # Services

    def systemctl(self, q: str, user: str | None = None) -> tuple[int, str]:
        """Runs `systemctl` with these arguments."""
        if user is not None:
            raise StoryFailure("systemctl for a user's own units is not built")
        return self.execute(f"systemctl {q}")

    def get_unit_property(self, unit: str, property: str) -> str:  # noqa: A002 — the driver's signature
        """One property of a unit."""
        return self.succeed(f"systemctl show --property={shlex.quote(property)} --value -- {shlex.quote(unit)}").strip()

    def wait_for_unit(self, unit: str, user: str | None = None, timeout: float = LIMIT_SECONDS) -> None:
        """Waits until a unit is active; one that failed, or that nothing is going to start, is an error at once."""
        if user is not None:
            raise StoryFailure("wait_for_unit for a user's own units is not built")
        state = ""

        def done() -> bool:
            nonlocal state
            state = self.get_unit_property(unit, "ActiveState")
            if state == "failed":
                raise StoryFailure(f"{self.name}: unit {unit} has failed: {self._last_lines(unit)}")
            if state == "inactive" and not self.succeed("systemctl list-jobs --full --no-legend").strip():
                state = self.get_unit_property(unit, "ActiveState")
                if state == "inactive":
                    raise StoryFailure(f"{self.name}: unit {unit} is inactive and there are no pending jobs")
            return state == "active"

        self._retry(done, timeout, lambda: f"unit {unit} is {state}")

    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        """A unit must be in this state now."""
        state = self.get_unit_property(unit, "ActiveState")
        if state != require_state:
            raise StoryFailure(f"{self.name}: unit {unit} is {state}, not {require_state}: {self._last_lines(unit)}")

    def start_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        """`systemctl start`."""
        return self.systemctl(f"start {jobname}", user)

    def stop_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        """`systemctl stop`."""
        return self.systemctl(f"stop {jobname}", user)

    def _last_lines(self, unit: str) -> str:
        return self.execute(f"journalctl --no-pager -n 15 -u {shlex.quote(unit)}")[1]

    # Files and the network

    def copy_from_host(self, source: str, target: str) -> None:
        """Copies a file into the node."""
        path = Path(source)
        self.connect().store(target, path.read_bytes(), path.stat().st_mode & 0o777)

    def block(self) -> None:
        """Pulls the node's network cable."""
        self.log("the cable is pulled")
        network.set_link(self.node, up=False)

    def unblock(self) -> None:
        """Plugs the node's network cable in."""
        self.log("the cable is plugged in")
        network.set_link(self.node, up=True)

    def log(self, msg: str) -> None:
        """A line in the run's log."""
        self._log.line(f"{self.name}: {msg}")

    def _retry(self, done: Callable[[], bool], timeout: float, problem: Callable[[], str]) -> None:
        retry(done, timeout, lambda: f"{self.name}: {problem()}")


def retry(done: Callable[[], bool], timeout: float, problem: Callable[[], str]) -> None:
    """Repeats until it is done; after the time limit, a failure that says how it stood at last."""
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() >= deadline:
            raise StoryFailure(f"after {timeout:.0f} s: {problem()}")
        time.sleep(RETRY_SECONDS)

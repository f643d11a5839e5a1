"""Runs one story: its nodes, the names its script may use, and its end. Parses no arguments, judges no clock."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

from . import network
from .backends import Backend, Prepared
from .clock_recorder import ClockRecorder
from .clock_verbs import CLOCK_NAMES, ClockVerbs
from .container import boot_container, prepare_for_containers
from .errors import StoryFailure, WrongUse
from .faults import LIE_SECONDS, Fault
from .log import Log
from .machine import Machine, retry
from .process import Disks, NodeProcess
from .story import Node, Story
from .tools_disk import Tools

# The names of a script that are methods here, as in the NixOS driver. Those about clocks are ours.
DRIVER_NAMES = ("start_all", "subtest", "retry")


@dataclass
class Driver:
    """One story under way."""

    story: Story
    backend: Backend
    prepared: Prepared
    tools: Tools
    directory: Path
    output: Path
    thorough: bool
    log: Log
    fault: Fault | None = None
    recorder: ClockRecorder = field(default_factory=ClockRecorder)
    machines: list[Machine] = field(default_factory=list)
    subtests: list[dict[str, Any]] = field(default_factory=list)
    fault_is_in: bool = False

    @cached_property
    def clocks(self) -> ClockVerbs:
        """The verbs about true clock errors."""
        truth = self.story.truth
        return ClockVerbs(self.story.name, truth.name if truth else None, self.backend.bound, self.recorder, self.log)

    def run(self) -> None:
        """Boots what the script asks for, runs it, and ends every node, whatever happens."""
        nodes = self.story.nodes
        if any(node.root.container for node in nodes):
            prepare_for_containers()
        network.make_network(nodes)
        self.machines = [Machine(node, self.boot_of(node), nodes, self.recorder, self.log) for node in nodes]
        self.recorder.start()
        self.set_deadline()
        try:
            code = compile(self.story.script.read_text(), str(self.story.script), "exec")
            exec(code, self.names())
            if self.fault is not None and not self.fault_is_in:
                raise WrongUse(
                    f"{self.story.name} has no subtest {self.fault.subtest!r}, in which a fault was to begin"
                )
        finally:
            signal.alarm(0)
            self.end()

    def boot_of(self, node: Node) -> Callable[[], NodeProcess]:
        """What boots this node."""
        directory = self.directory / node.name
        directory.mkdir()
        image = self.prepared.images[node.root]
        machines = self.backend.machines
        if node.root.container or machines is None:
            return lambda: boot_container(node, image, self.tools.directory, directory)
        kernel, disks = self.prepared.kernels[node.root.suite], Disks(image, self.tools.disk)
        return lambda: machines.boot(node, kernel, disks, directory)

    def set_deadline(self) -> None:
        """The story's time is bounded, whatever its script waits for."""

        def too_late(_number: int, _frame: FrameType | None) -> None:
            raise StoryFailure(f"the story did not end within {self.story.deadline_seconds:.0f} s")

        signal.signal(signal.SIGALRM, too_late)
        signal.alarm(int(self.story.deadline_seconds))

    def names(self) -> dict[str, Any]:
        """The globals of a script."""
        return {
            "__name__": f"story_{self.story.name}",
            "machines": self.machines,
            "log": self.log,
            "thorough": self.thorough,
            "bound": self.backend.bound,
            **{machine.name: machine for machine in self.machines},
            **{name: getattr(self, name) for name in DRIVER_NAMES},
            **{name: getattr(self.clocks, name) for name in CLOCK_NAMES},
        }

    def start_all(self) -> None:
        """Boots all nodes at once and waits until they take commands."""
        for machine in self.machines:
            machine.start()
        for machine in self.machines:
            machine.connect()

    def retry(self, fn: Callable[[bool], bool], timeout_seconds: float = 900) -> None:
        """Calls a function until it returns true; it is told whether the call is the last one."""
        deadline = time.monotonic() + timeout_seconds
        retry(lambda: fn(time.monotonic() >= deadline), timeout_seconds, lambda: "the condition does not hold")

    @contextmanager
    def subtest(self, name: str) -> Iterator[None]:
        """A part of the story, timed, and named when it fails."""
        self.log.line(f"· {name}")
        if self.fault is not None and self.fault.subtest == name:
            self.put_in(self.fault)
        started = time.monotonic()
        passed = False
        try:
            yield
            passed = True
        finally:
            seconds = time.monotonic() - started
            self.subtests.append({"name": name, "passed": passed, "seconds": round(seconds, 1)})
            self.log.line(f"  {'passed' if passed else 'FAILED'} in {seconds:.1f} s")

    def put_in(self, fault: Fault) -> None:
        """Puts the fault in. What is true stays so: a lie of the node whose clock is the truth is taken off it."""
        machine = next((machine for machine in self.machines if machine.name == fault.node), None)
        if machine is None:
            raise WrongUse(f"{self.story.name} has no node {fault.node!r}, in which a fault was to begin")
        self.log.line(f"  SABOTAGE in {fault.node}: {fault.name or fault.command}")
        began = self.recorder.now()
        machine.succeed(fault.command)
        if fault.name == "lie":
            self.recorder.lies(fault.node, LIE_SECONDS, (began, self.recorder.now()))
        self.fault_is_in = True

    def end(self) -> None:
        """Keeps the journals and the clock record, ends every node; one that hangs holds nothing up."""
        for machine in self.machines:
            try:
                journal = machine.journal()
            except (StoryFailure, OSError) as error:
                self.log.line(f"{machine.name}: its journal could not be kept: {error}")
            else:
                (self.output / f"{machine.name}.journal").write_text(journal)
        self.recorder.stop()
        for machine in self.machines:
            machine.crash()
            console = self.directory / machine.name / "console.log"
            if console.exists():
                (self.output / f"{machine.name}.console").write_bytes(console.read_bytes())
        self.clocks.keep([machine.name for machine in self.machines], self.output)

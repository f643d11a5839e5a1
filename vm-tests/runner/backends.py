"""The kinds of machine that nodes can be: what each needs, how it boots, and how right a clock in it can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import WrongUse
from .image import prepare_image
from .kernel import Kernel, cloud_kernel, uml_kernel
from .process import Disks, MachineProcess
from .qemu import boot_qemu
from .story import Node, Root, Story
from .uml import boot_uml


@dataclass(frozen=True)
class Prepared:
    """What nodes are made of: the image of each root, and the kernel of each suite."""

    images: dict[Root, Path]
    kernels: dict[str, Kernel]


@dataclass(frozen=True)
class Machines:
    """How machines with a kernel of their own come to be: its kernel for a suite, and a node's start."""

    kernel: Callable[[str, Path], Kernel]
    boot: Callable[[Node, Kernel, Disks, Path], MachineProcess]


@dataclass(frozen=True)
class Backend:
    """`bound` is what stories ask of a clock, in seconds; `programs` are those it needs, by their Debian package."""

    name: str
    bound: float
    programs: dict[str, str]
    machines: Machines | None

    def takes(self, story: Story) -> bool:
        """Whether the story can run here: containers have no clock that could be wrong."""
        return self.machines is not None or story.truth is None

    def cast(self, story: Story) -> Story:
        """The story with its nodes as they are here; one that cannot run here is told why."""
        if self.machines is not None:
            return story
        if story.truth is not None:
            raise WrongUse(
                f"{story.name} is about clocks, and containers have only this machine's: --backend {self.name} cannot "
                "run it, uml and qemu can"
            )
        return replace(
            story, nodes=tuple(replace(node, root=replace(node.root, container=True)) for node in story.nodes)
        )

    def prepare(self, stories: list[Story], log: Path) -> Prepared:
        """All that nodes of these stories are made of; made first where it is not in the cache."""
        roots = dict.fromkeys(node.root for story in stories for node in story.nodes)
        suites = dict.fromkeys(root.suite for root in roots if not root.container)
        images = {root: prepare_image(root, log) for root in roots}
        if self.machines is None:
            return Prepared(images, {})
        return Prepared(images, {suite: self.machines.kernel(suite, log) for suite in suites})


BACKENDS = {
    each.name: each
    for each in (
        Backend("uml", 0.001, {"linux.uml": "user-mode-linux"}, Machines(uml_kernel, boot_uml)),
        Backend(
            "qemu",
            0.005,
            {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils"},
            Machines(cloud_kernel, boot_qemu),
        ),
        Backend("nspawn", 0.001, {}, None),
    )
}

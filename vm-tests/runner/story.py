"""What a story is on disk: `NAME.toml` (its nodes) beside `NAME.py` (its script). Reads them; runs nothing."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import WrongUse
from .faults import SEEDED_FAULTS, Fault

NODE_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
# TAP-style interface names hold 15 characters, and the tap of a node is called after it.
NODE_NAME_LENGTH = 11
SUITES = ("bookworm", "trixie")
# Packages that cannot be installed beside ours.
OTHER_TIME_SERVICES = ("chrony", "ntpsec", "systemd-timesyncd")


@dataclass(frozen=True)
class Root:
    """What a node's root file system is made of; nodes with the same one share an image."""

    suite: str = SUITES[0]
    packages: tuple[str, ...] = ()
    container: bool = False


@dataclass(frozen=True)
class Node:
    """One machine of a story; `number` gives its addresses (192.168.1.N, 2001:db8:1::N), in order of name.

    With `our_package` it has nothing of ours: the story installs that from the packages in /run/vm-test, as anybody
    would. With `installed` our package is there when the story begins.
    """

    name: str
    number: int
    root: Root = Root()
    our_package: bool = False
    installed: bool = False
    truth: bool = False
    memory_megabytes: int = 256
    files: dict[str, str] = field(default_factory=dict)

    @property
    def has_settings_of_ours(self) -> bool:
        """Whether it is there to run our daemon, from the start of the story, and nobody else's."""
        others = set(OTHER_TIME_SERVICES) & set(self.root.packages)
        return not (self.our_package or others) and any(path.startswith("/etc/ntpd-rs/") for path in self.files)

    @property
    def address(self) -> str:
        """Its IPv4 address on the network of the story."""
        return f"192.168.1.{self.number}"

    @property
    def address_v6(self) -> str:
        """Its IPv6 address on the network of the story."""
        return f"2001:db8:1::{self.number}"


@dataclass(frozen=True)
class Story:
    """A story's nodes and script; `default` says whether a run without `--all` includes it, `by_name_only` that none does.

    A story of several suites is one for each of them, called `NAME-SUITE`.
    """

    name: str
    description: str
    default: bool
    deadline_seconds: float
    nodes: tuple[Node, ...]
    script: Path
    suite: str = SUITES[0]
    faults: tuple[Fault, ...] = ()
    by_name_only: bool = False

    def with_packages(self) -> Story:
        """The same story with our package on each node that runs our daemon."""
        return replace(self, nodes=tuple(replace(node, installed=node.has_settings_of_ours) for node in self.nodes))

    @property
    def needs_packages(self) -> bool:
        """Whether it wants our Debian packages."""
        return any(node.our_package or node.installed for node in self.nodes)

    @property
    def truth(self) -> Node | None:
        """The node whose clock is the true time of the story, if one is."""
        return next((node for node in self.nodes if node.truth), None)


def find_scripts(directory: Path) -> list[str]:
    """The names of all scripts of stories, in order."""
    return sorted(path.stem for path in directory.glob("*.toml") if path.with_suffix(".py").exists())


def find_stories(directory: Path) -> list[Story]:
    """All stories, in order."""
    return [story for name in find_scripts(directory) for story in read_stories(directory, name)]


def load_stories(directory: Path, name: str) -> list[Story]:
    """The stories of a script, or one of them by its own name; an unknown name is an error that says what there is."""
    stories = find_stories(directory)
    found = [story for story in stories if name in (story.name, story.script.stem)]
    if not found:
        known = ", ".join(story.name for story in stories)
        raise WrongUse(f"there is no story {name!r}; the stories are: {known}")
    return found


def read_stories(directory: Path, name: str) -> list[Story]:
    """What one pair of files says; a wrong key or value is an error."""
    path = directory / f"{name}.toml"
    with path.open("rb") as file:
        table = tomllib.load(file)
    keys = {"description", "default", "by-name-only", "deadline-seconds", "suites", "seeded-faults", "nodes"}
    refuse_unknown(path, table, keys)
    suites = table.get("suites", [SUITES[0]])
    if not set(suites) <= set(SUITES):
        raise WrongUse(f"{path.name}: suites are {', '.join(SUITES)}")
    names = sorted(table["nodes"])
    nodes = tuple(read_node(path, node, number, table["nodes"][node]) for number, node in enumerate(names, start=1))
    if sum(node.truth for node in nodes) > 1:
        raise WrongUse(f"{path.name}: more than one node is the truth")
    return [
        Story(
            name=name if len(suites) == 1 else f"{name}-{suite}",
            description=table["description"],
            default=is_default(table["default"], suite),
            deadline_seconds=float(table["deadline-seconds"]),
            nodes=tuple(replace(node, root=replace(node.root, suite=suite)) for node in nodes),
            script=path.with_suffix(".py"),
            suite=suite,
            faults=read_faults(path, table.get("seeded-faults", {}), names),
            by_name_only=table.get("by-name-only", False),
        )
        for suite in suites
    ]


def read_faults(path: Path, table: dict[str, Any], nodes: list[str]) -> tuple[Fault, ...]:
    """`[seeded-faults]`: by the name of each fault, the node that has it and the subtest in which it begins."""
    refuse_unknown(path, table, set(SEEDED_FAULTS))
    for name, fault in table.items():
        if set(fault) != {"node", "subtest"} or fault["node"] not in nodes:
            raise WrongUse(f"{path.name}: seeded fault {name!r}: it wants a `node` that there is, and a `subtest`")
    return tuple(Fault.seeded(name, fault["node"], fault["subtest"]) for name, fault in table.items())


def is_default(value: bool | list[str], suite: str) -> bool:  # noqa: FBT001 — as it is written in the file
    """`default` is for all suites, or names those that it is for."""
    return suite in value if isinstance(value, list) else value


def read_node(path: Path, name: str, number: int, table: dict[str, Any]) -> Node:
    """One `[nodes.NAME]` table as a node."""
    if not NODE_NAME.match(name) or len(name) > NODE_NAME_LENGTH:
        raise WrongUse(f"{path.name}: node name {name!r}: at most {NODE_NAME_LENGTH} of a-z, 0-9 and _")
    refuse_unknown(path, table, {"packages", "container", "our-package", "truth", "memory-megabytes", "files"})
    container = table.get("container", False)
    if container and table.get("truth", False):
        raise WrongUse(f"{path.name}: {name}: a container has no clock of its own that could be the truth")
    return Node(
        name=name,
        number=number,
        root=Root(packages=tuple(sorted(table.get("packages", []))), container=container),
        our_package=table.get("our-package", False),
        truth=table.get("truth", False),
        memory_megabytes=table.get("memory-megabytes", 256),
        files=dict(table.get("files", {})),
    )


def refuse_unknown(path: Path, table: dict[str, Any], known: set[str]) -> None:
    """A misspelt key must not be ignored: the story would run without what it asks for."""
    unknown = sorted(set(table) - known)
    if unknown:
        raise WrongUse(f"{path.name}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")

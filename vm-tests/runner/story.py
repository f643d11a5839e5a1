"""What a story is on disk: `NAME.toml` (its nodes) beside `NAME.py` (its script). Reads them; runs nothing."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import WrongUse

NODE_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
# TAP-style interface names hold 15 characters, and the tap of a node is called after it.
NODE_NAME_LENGTH = 11


@dataclass(frozen=True)
class Node:
    """One machine of a story; `number` gives its addresses (192.168.1.N, 2001:db8:1::N), in order of name."""

    name: str
    number: int
    packages: tuple[str, ...] = ()
    truth: bool = False
    memory_megabytes: int = 256
    files: dict[str, str] = field(default_factory=dict)

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
    """A story's nodes and script; `default` says whether a run without `--all` includes it."""

    name: str
    description: str
    default: bool
    deadline_seconds: float
    nodes: tuple[Node, ...]
    script: Path

    @property
    def truth(self) -> Node | None:
        """The node whose clock is the true time of the story, if one is."""
        return next((node for node in self.nodes if node.truth), None)


def find_stories(directory: Path) -> list[str]:
    """The names of all stories, in order."""
    return sorted(path.stem for path in directory.glob("*.toml") if path.with_suffix(".py").exists())


def load_story(directory: Path, name: str) -> Story:
    """Reads one story; an unknown name or a wrong key is an error that says what there is."""
    path = directory / f"{name}.toml"
    if not path.exists() or not path.with_suffix(".py").exists():
        known = ", ".join(find_stories(directory))
        raise WrongUse(f"there is no story {name!r}; the stories are: {known}")
    with path.open("rb") as file:
        table = tomllib.load(file)
    refuse_unknown(path, table, {"description", "default", "deadline-seconds", "nodes"})
    names = sorted(table["nodes"])
    nodes = tuple(read_node(path, node, number, table["nodes"][node]) for number, node in enumerate(names, start=1))
    if sum(node.truth for node in nodes) > 1:
        raise WrongUse(f"{path.name}: more than one node is the truth")
    return Story(
        name=name,
        description=table["description"],
        default=table["default"],
        deadline_seconds=float(table["deadline-seconds"]),
        nodes=nodes,
        script=path.with_suffix(".py"),
    )


def read_node(path: Path, name: str, number: int, table: dict[str, Any]) -> Node:
    """One `[nodes.NAME]` table as a node."""
    if not NODE_NAME.match(name) or len(name) > NODE_NAME_LENGTH:
        raise WrongUse(f"{path.name}: node name {name!r}: at most {NODE_NAME_LENGTH} of a-z, 0-9 and _")
    refuse_unknown(path, table, {"packages", "truth", "memory-megabytes", "files"})
    return Node(
        name=name,
        number=number,
        packages=tuple(sorted(table.get("packages", []))),
        truth=table.get("truth", False),
        memory_megabytes=table.get("memory-megabytes", 256),
        files=dict(table.get("files", {})),
    )


def refuse_unknown(path: Path, table: dict[str, Any], known: set[str]) -> None:
    """A misspelt key must not be ignored: the story would run without what it asks for."""
    unknown = sorted(set(table) - known)
    if unknown:
        raise WrongUse(f"{path.name}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")

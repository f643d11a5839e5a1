"""The frame of every script: runs again inside, measures, shows what was found, and says which promises are kept."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from . import programs
from .isolation import EXIT_CANNOT_RUN, BenchFailure, CannotRun, is_inside, prepare_inside, run_inside
from .programs import Programs

Found = TypeVar("Found")


@dataclass(frozen=True)
class Script(Generic[Found]):
    """What makes one script differ from the others."""

    name: str
    # Before anything is built: whether it can run here.
    check: Callable[[], None]
    # Inside, in a folder of its own and with our programs.
    measure: Callable[[Path, Programs], Found]
    # As sentences.
    broken_promises: Callable[[Found], list[str]]
    as_text: Callable[[Found], str]
    as_json: Callable[[Found], str]
    # With this Cargo profile.
    build: Callable[[str], None] = programs.build

    def run(self, options: argparse.Namespace) -> int:
        """The exit code: 0 promises kept, 1 one broken or nothing measured, 77 cannot run here."""
        try:
            if not is_inside():
                self.check()
                self.build(options.profile)
                return run_inside()
            found = self.measure(prepare_inside(programs.in_use()), programs.ours(options.profile))
        except CannotRun as error:
            print(f"{self.name}: cannot run here: {error}", file=sys.stderr)
            return EXIT_CANNOT_RUN
        except BenchFailure as error:
            print(f"{self.name}: {error}", file=sys.stderr)
            return 1
        broken = self.broken_promises(found)
        if options.json:
            print(self.as_json(found))
        else:
            print(self.as_text(found))
            print("\n" + "\n".join([f"Promise broken: {each}" for each in broken] or ["Every promise kept."]))
        return 1 if broken else 0

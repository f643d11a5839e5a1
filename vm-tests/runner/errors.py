"""The runner's own errors, each a sentence for a person; nothing here decides what to do about them."""

from __future__ import annotations

EXIT_PASSED = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
# What automake and meson call "skipped": this machine cannot run the stories, nothing was tested.
EXIT_CANNOT_RUN = 77
EXIT_INTERRUPTED = 130


class StoryFailure(Exception):
    """A story's expectation did not hold, or a node did not do what was asked of it."""


class CannotRun(Exception):
    """Something that the runner needs is missing on this machine; the message says what to do about it."""


class WrongUse(Exception):
    """The command line, a story's files or a missing build: for the caller to put right."""


class Interrupted(Exception):
    """SIGINT, SIGTERM or SIGHUP arrived: unwind, end everything that was started."""

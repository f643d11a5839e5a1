"""The command line of the runner: which stories, where to, and what the exit code says. Boots nothing itself."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from .backends import BACKENDS, Backend, Prepared
from .cache import cache_directory
from .driver import Driver
from .errors import (
    EXIT_CANNOT_RUN,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_PASSED,
    EXIT_USAGE,
    CannotRun,
    Interrupted,
    StoryFailure,
    WrongUse,
)
from .faults import SEEDED_FAULTS, Fault
from .log import Log
from .namespaces import run_in_namespaces
from .privilege import drop_the_right_to_set_the_clock
from .report import write_report
from .requirements import check_machine, missing_packages
from .run_directory import remove_leftovers, run_directory
from .story import Story, find_stories, load_stories
from .tools_disk import Ours, make_tools

VM_TESTS = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or VM_TESTS.parent / "target").resolve()


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="vm-tests/run",
        description="Boots test nodes and runs stories on them. Without names: the default set.",
        epilog="Exit codes: 0 passed, 1 failed, 2 wrong use, 77 cannot run here (says why), 130 interrupted.",
    )
    parser.add_argument("stories", nargs="*", metavar="STORY", help="a story by name")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="the default set in its short form (the default)")
    which.add_argument("--all", action="store_true", help="every story but those that only run by name, each in full length")
    parser.add_argument("--thorough", action="store_true", help="full length for the stories named")
    parser.add_argument(
        "--backend",
        choices=list(BACKENDS),
        default="uml",
        help="what the nodes are: User-mode Linux (the default), machines that QEMU emulates, or containers",
    )
    parser.add_argument("--list", action="store_true", help="list the stories and end")
    parser.add_argument("--prepare", action="store_true", help="only build the root images that are missing")
    parser.add_argument("--binaries", type=Path, default=TARGET / "release", help="directory of our programs")
    parser.add_argument(
        "--packages", type=Path, default=TARGET / "packages/tested", help="directory of our Debian packages"
    )
    parser.add_argument(
        "--with-packages",
        action="store_true",
        help="our daemon comes from our Debian package, in every story, and not as bare programs with a test unit",
    )
    parser.add_argument("--output", type=Path, default=TARGET / "vm-tests", help="directory for logs and plots")
    fault = parser.add_mutually_exclusive_group()
    fault.add_argument(
        "--seed-fault",
        choices=[*SEEDED_FAULTS, "all"],
        help="put this fault in where the stories say, and pass if each of them notices",
    )
    fault.add_argument(
        "--sabotage",
        type=Fault.parse,
        metavar="'SUBTEST: NODE: COMMAND'",
        help="run a command in a node when a subtest begins, to see that the story fails",
    )
    parser.add_argument(
        "--missing-packages", action="store_true", help="name the Debian packages that are missing, one a line"
    )
    return parser.parse_args()


def main() -> int:
    """Runs what was asked for; every failure is a sentence and an exit code."""
    options = arguments()
    backend = BACKENDS[options.backend]
    if options.missing_packages:
        print("".join(f"{package}\n" for package in missing_packages(backend.programs)), end="")
        return EXIT_PASSED
    try:
        stories = chosen(options, backend)
        if options.with_packages:
            stories = [story.with_packages() for story in stories]
        if options.list:
            for story in stories:
                print(f"{story.name:24} {set_of(story)}  {story.description}")
            return EXIT_PASSED
        check_machine(backend.programs)
        drop_the_right_to_set_the_clock()
        for directory in remove_leftovers(cache_directory()):
            print(f"removed what a killed run left: {directory}")
        return run_all(options, backend, stories)
    except CannotRun as error:
        print(f"vm-tests: cannot run on this machine: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    except WrongUse as error:
        print(f"vm-tests: {error}", file=sys.stderr)
        return EXIT_USAGE
    except (KeyboardInterrupt, Interrupted):
        print("vm-tests: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def chosen(options: argparse.Namespace, backend: Backend) -> list[Story]:
    """The stories to run, in order, with their nodes as the backend has them."""
    if options.stories:
        return [backend.cast(story) for name in options.stories for story in load_stories(VM_TESTS, name)]
    stories = find_stories(VM_TESTS)
    if not options.list:
        wanted = [story for story in stories if story.default or (options.all and not story.by_name_only)]
        stories = [backend.cast(story) for story in wanted if backend.takes(story)]
    if not stories:
        raise WrongUse(
            f"--backend {backend.name} can run none of the default set, which is about clocks; --all has others"
        )
    return stories


def set_of(story: Story) -> str:
    """Which runs include a story."""
    if story.by_name_only:
        return "by name"
    return "default" if story.default else "--all  "


def run_all(options: argparse.Namespace, backend: Backend, stories: list[Story]) -> int:
    """One story after another, each in namespaces of its own; then the summary."""
    options.output.mkdir(parents=True, exist_ok=True)
    prepared = backend.prepare(stories, options.output.resolve() / "image.log")
    if options.prepare:
        return EXIT_PASSED
    results: dict[str, int] = {}
    what_ran = f"{backend.name}, {'our package' if options.with_packages else 'bare programs'}"
    page = write_report(options.output.resolve(), [], what_ran)
    for story, fault in planned(options, stories):
        code = run_story(options, backend, prepared, story, fault)
        if code == EXIT_INTERRUPTED:
            return code
        if code > 128:
            print(f"{story.name} FAILED: the runner was ended by {signal.Signals(code - 128).name}")
        results[title(story, fault)] = code
        # After each, so that a run which is broken off has one, too.
        page = write_report(options.output.resolve(), list(results), what_ran)
    return tell_all(options, stories, results, page)


def tell_all(options: argparse.Namespace, stories: list[Story], results: dict[str, int], page: Path) -> int:
    """The summary: what was left out, what failed, where the report is."""
    if not options.all and not options.stories:
        ran = {story.name for story in stories}
        left_out = [story.name for story in find_stories(VM_TESTS) if story.name not in ran]
        print(f"left out without --all: {', '.join(left_out) or 'nothing'}; stories run in their short form")
    failed = [name for name, code in results.items() if code != EXIT_PASSED]
    if failed:
        print(f"failed: {', '.join(failed)}; logs and plots are in {options.output}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed; the report is {page}")
    return EXIT_FAILED if failed else EXIT_PASSED


def planned(options: argparse.Namespace, stories: list[Story]) -> list[tuple[Story, Fault | None]]:
    """What to run: each story once, or with each of the faults that are asked for and that it is there to notice."""
    if options.seed_fault is None:
        return [(story, options.sabotage) for story in stories]
    runs: list[tuple[Story, Fault | None]] = []
    for story in stories:
        faults = [fault for fault in story.faults if options.seed_fault in (fault.name, "all")]
        if not faults and options.stories:
            known = ", ".join(fault.name for fault in story.faults) or "none"
            raise WrongUse(
                f"--seed-fault {options.seed_fault}: not in [seeded-faults] of {story.name}, which has: {known}"
            )
        runs += [(story, fault) for fault in faults]
    return runs


def title(story: Story, fault: Fault | None) -> str:
    """What a run is called in the summary, and its directory."""
    return f"{story.name}-{fault.name}" if fault is not None and fault.name else story.name


def run_story(
    options: argparse.Namespace, backend: Backend, prepared: Prepared, story: Story, fault: Fault | None
) -> int:
    """One story; its output directory holds this run only."""
    output = options.output.resolve() / title(story, fault)
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    with run_directory(cache_directory(), story.name) as directory:
        packages = options.packages.resolve() if story.needs_packages else None
        tools = make_tools(directory, VM_TESTS, Ours(options.binaries.resolve(), packages))

        def inside() -> int:
            driver = Driver(
                story=story,
                backend=backend,
                prepared=prepared,
                tools=tools,
                directory=directory,
                output=output,
                thorough=options.all or options.thorough,
                log=Log(output / "run.log"),
                fault=fault,
            )
            return tell(driver)

        return run_in_namespaces(inside, network=True)


def tell(driver: Driver) -> int:
    """Runs the story and turns its outcome into a report and an exit code."""
    name = driver.story.name
    driver.log.line(f"{name}: {driver.story.description}")
    started = time.monotonic()
    report: dict[str, Any] = {
        "story": name,
        "description": driver.story.description,
        "backend": driver.backend.name,
        "thorough": driver.thorough,
        "fault": driver.fault.name if driver.fault is not None else "",
        "passed": False,
    }
    try:
        driver.run()
    except (WrongUse, CannotRun) as error:
        driver.log.line(f"vm-tests: {error}")
        report["failure"] = str(error)
        return EXIT_USAGE
    except (StoryFailure, AssertionError) as error:
        report["failure"] = str(error) or where(error)
        report["passed"] = noticed(driver)
        driver.log.line(f"{name} {'NOTICED the fault' if report['passed'] else 'FAILED'}: {report['failure']}")
    else:
        report["passed"] = not is_seeded(driver)
        outcome = "passed" if report["passed"] else "FAILED: it passed with a fault in it,"
        driver.log.line(f"{name} {outcome} in {time.monotonic() - started:.0f} s")
    finally:
        report["seconds"] = round(time.monotonic() - started, 1)
        report["subtests"] = driver.subtests
        report["watched"] = driver.clocks.watched
        report["known-to"] = driver.clocks.known_to
        (driver.output / "report.json").write_text(json.dumps(report, indent=2) + "\n")
        driver.log.close()
    return EXIT_PASSED if report["passed"] else EXIT_FAILED


def is_seeded(driver: Driver) -> bool:
    """Whether the story is there to fail this time."""
    return driver.fault is not None and bool(driver.fault.name)


def noticed(driver: Driver) -> bool:
    """Whether a story that failed did so for its seeded fault: one that was not in yet is not what it noticed."""
    return is_seeded(driver) and driver.fault_is_in


def where(error: BaseException) -> str:
    """The line of the script whose assertion failed, for assertions without words."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "assertion failed"
    file, line = Path(frame.tb_frame.f_code.co_filename), frame.tb_lineno
    text = file.read_text().splitlines()[line - 1].strip() if file.exists() else ""
    return f"{file.name}:{line}: {text}"

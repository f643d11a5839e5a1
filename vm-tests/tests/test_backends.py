"""Tests of what nodes can be: which stories each backend takes, and what it starts."""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from runner import cache, qemu, uml
from runner.backends import BACKENDS
from runner.cli import chosen
from runner.errors import CannotRun, WrongUse
from runner.kernel import Kernel
from runner.network import mac
from runner.process import Disks
from runner.requirements import missing_packages
from runner.story import Node, find_stories, load_stories

VM_TESTS = Path(__file__).resolve().parent.parent
QEMU, UML, NSPAWN = (BACKENDS[name] for name in ("qemu", "uml", "nspawn"))


def asked(**options: object) -> argparse.Namespace:
    """A command line."""
    return argparse.Namespace(**{"stories": [], "all": False, "list": False, **options})


def started(boot: object, node: Node, directory: Path) -> list[str]:
    """The command that a backend would start."""
    kernel, disks = Kernel(Path("/kernel"), Path("/modules")), Disks(Path("/root-image"), Path("/tools"))
    with mock.patch("subprocess.Popen") as popen, mock.patch("subprocess.run"):
        process = boot(node, kernel, disks, directory)  # type: ignore[operator]
        process.close()
        command: list[str] = popen.call_args.args[0]
        return command


class Selection(unittest.TestCase):
    """Which stories run where."""

    def test_machines_take_every_story_as_it_is(self) -> None:
        """Whether emulated or not; those that only run by name are in no set."""
        stories = find_stories(VM_TESTS)
        for backend in (UML, QEMU):
            self.assertEqual(chosen(asked(all=True), backend), [s for s in stories if not s.by_name_only])
            self.assertEqual([s.name for s in chosen(asked(stories=["beside-chrony"]), backend)], ["beside-chrony"])

    def test_a_story_about_clocks_is_refused_in_containers_by_name_and_with_what_can_run_it(self) -> None:
        """One sentence."""
        with self.assertRaisesRegex(WrongUse, "basic is about clocks.*nspawn cannot run it, uml and qemu can"):
            chosen(asked(stories=["basic"]), NSPAWN)

    def test_containers_take_exactly_the_stories_that_are_not_about_clocks(self) -> None:
        """And all of their nodes are containers then."""
        stories = chosen(asked(all=True), NSPAWN)
        without = [story.name for story in find_stories(VM_TESTS) if story.truth is None]
        self.assertEqual([story.name for story in stories], without)
        self.assertIn("container-bookworm", without)
        self.assertTrue(all(node.root.container for story in stories for node in story.nodes))

    def test_a_default_set_that_cannot_run_at_all_is_an_error(self) -> None:
        """It would pass with nothing run."""
        with self.assertRaisesRegex(WrongUse, "--backend nspawn can run none of the default set"):
            chosen(asked(), NSPAWN)

    def test_our_package_goes_to_the_nodes_that_run_our_daemon_and_to_no_other(self) -> None:
        """A node that takes the time from chrony, or that the story itself installs the package on, stays as it is."""
        stories = {story.name: story.with_packages() for story in find_stories(VM_TESTS)}
        installed = {name: {n.name for n in story.nodes if n.installed} for name, story in stories.items()}
        self.assertEqual(installed["basic"], {"client"})
        self.assertEqual(installed["nts"], {"client", "exchange", "server"})
        self.assertEqual(installed["package-bookworm"], set())
        self.assertTrue(all(story.needs_packages for story in stories.values()), "each has our package")
        self.assertFalse(any(node.installed for story in find_stories(VM_TESTS) for node in story.nodes))

    def test_an_unknown_backend_is_refused_with_those_that_there_are(self) -> None:
        """By the command itself, before it looks for root."""
        run = subprocess.run(
            [sys.executable, str(VM_TESTS / "run"), "--backend", "kvm"], capture_output=True, text=True, check=False
        )
        self.assertEqual(run.returncode, 2)
        for name in BACKENDS:
            self.assertIn(name, run.stderr)


class Requirements(unittest.TestCase):
    """What is asked of this machine."""

    def test_only_what_the_backend_needs_is_missed(self) -> None:
        """QEMU is not asked of those who run User-mode Linux, nor the other way round."""
        with mock.patch("shutil.which", lambda _name, **_: None):
            uml_misses, qemu_misses = (set(missing_packages(each.programs)) for each in (UML, QEMU))
            containers_miss = set(missing_packages(NSPAWN.programs))
        self.assertEqual(uml_misses - containers_miss, {"user-mode-linux"})
        self.assertEqual(qemu_misses - containers_miss, {"qemu-system-x86", "qemu-utils"})


class Commands(unittest.TestCase):
    """What is started."""

    def test_qemu_emulates_with_the_clock_source_that_true_errors_need_and_keeps_the_image_as_it_is(self) -> None:
        """And its lines are open descriptors."""
        with tempfile.TemporaryDirectory() as name:
            command = started(qemu.boot_qemu, Node("client", 7), Path(name))
        text = " ".join(command)
        for part in ("-accel tcg", "clocksource=hpet", "systemd.hostname=client", mac(Node("client", 7))):
            self.assertIn(part, text)
        drives = [value for option, value in itertools.pairwise(command) if option == "-drive"]
        self.assertTrue(all("readonly=on" in drive or str(name) in drive for drive in drives), drives)
        self.assertFalse(any("/root-image" in drive for drive in drives), drives)

    def test_emulated_machines_have_the_memory_that_they_need_and_more_where_a_story_wants_it(self) -> None:
        """User-mode Linux takes the story's figure as it is."""
        for megabytes, given in ((256, 384), (512, 512)):
            node = Node("client", 7, memory_megabytes=megabytes)
            with tempfile.TemporaryDirectory() as name:
                command = started(qemu.boot_qemu, node, Path(name))
                self.assertEqual(command[command.index("-m") + 1], str(given))
                self.assertIn(f"mem={megabytes}M", started(uml.boot_uml, node, Path(name)))

    def test_nodes_have_names_and_hardware_addresses_of_their_own(self) -> None:
        """Whoever had the same would take the other's packets."""
        nodes = load_stories(VM_TESTS, "falseticker")[0].nodes
        with tempfile.TemporaryDirectory() as name:
            for boot in (qemu.boot_qemu, uml.boot_uml):
                told = [
                    {part for part in " ".join(started(boot, node, Path(name))).split() if "machine_id=" in part}
                    for node in nodes
                ]
                self.assertEqual(len({part for parts in told for part in parts}), len(nodes))
        self.assertEqual(len({mac(node) for node in nodes}), len(nodes))


@unittest.skipUnless(os.geteuid() == 0, "namespaces need root")
class Cache(unittest.TestCase):
    """What is made once."""

    def test_it_is_made_once_and_what_was_half_made_is_never_used(self) -> None:
        """A maker that fails leaves nothing, and its log is told."""

        def fail(_directory: Path, part: Path) -> int:
            part.write_text("half")
            (part.parent / "log").write_text("no mirror here\n")
            return 1

        def make(_directory: Path, part: Path) -> int:
            part.mkdir()
            (part / "vmlinuz").write_text("whole")
            return 0

        with tempfile.TemporaryDirectory() as name, mock.patch.dict(os.environ, {"XDG_CACHE_HOME": name}):
            log = cache.cache_directory() / "log"
            with contextlib.redirect_stdout(io.StringIO()):
                with self.assertRaisesRegex(CannotRun, "no mirror here"):
                    cache.cached("a.kernel", "a kernel", fail, log)
                made = cache.cached("a.kernel", "a kernel", make, log)
                # That one would fail.
                self.assertEqual(cache.cached("a.kernel", "a kernel", fail, log), made)
            self.assertEqual((made / "vmlinuz").read_text(), "whole")
            self.assertEqual(list(cache.cache_directory().glob("*.part")), [])

    def test_what_no_run_has_used_for_a_month_is_removed(self) -> None:
        """Files and directories, with their marks; what was used lately stays."""
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            for kind in cache.KINDS:
                for age, stem in ((cache.UNUSED_SECONDS + 60, "old"), (60, "new")):
                    path = directory / f"{stem}.{kind}"
                    path.mkdir() if kind == "kernel" else path.write_text("")
                    mark = cache.used_mark(path)
                    mark.write_text("")
                    then = mark.stat().st_mtime - age
                    os.utime(mark, (then, then))
            cache.remove_unused(directory, directory / "kept.ext4")
            left = {path.name for path in directory.iterdir()}
        self.assertEqual(left, {f"new.{kind}{mark}" for kind in cache.KINDS for mark in ("", ".used")})


if __name__ == "__main__":
    unittest.main()

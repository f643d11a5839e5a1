"""Tests of the parts of the runner that need neither root nor a node."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

from runner import namespaces, plot, requirements, tsc
from runner.backends import BACKENDS
from runner.clock_record import BootRecord, Exchange, Sample, differences
from runner.clock_recorder import ClockRecorder
from runner.errors import CannotRun, WrongUse
from runner.run_directory import remove_leftovers, run_directory
from runner.story import find_stories, load_stories, read_stories

VM_TESTS = Path(__file__).resolve().parent.parent
SECOND = 10**9


def boot(node: str, constant: int, ahead: int, ppm: float = 0.0, counter_ahead: int = 0) -> BootRecord:
    """A node whose raw clock is the host's plus `constant` ns, whose clock is `ahead` ns and drifts."""
    record = BootRecord(node)
    for second in range(20):
        host = 1000 * SECOND + second * SECOND
        raw = host + constant
        real = 5000 * SECOND + host + ahead + round(second * SECOND * ppm * 1e-6)
        counted = (host + counter_ahead) * 3
        exchange = Exchange(
            sent=host - 60_000,
            sent_counter=(host - 60_000) * 3,
            arrived=raw - 20_000,
            before=raw - 9_000,
            counter=counted,
            after=raw + 9_000,
            left=raw + 20_000,
            received_counter=(host + 80_000) * 3,
            received=host + 80_000,
        )
        record.add(exchange, Sample(raw, real, 20_000))
    return record


class TrueErrors(unittest.TestCase):
    """The clock record."""

    def test_the_difference_of_two_clocks_is_found_whatever_their_raw_clocks_show(self) -> None:
        """An error of 2 s and 50 ppm, with raw clocks that began at different moments."""
        errors = differences(boot("client", -7 * SECOND, 2 * SECOND, 50.0), boot("server", -3 * SECOND, 0))
        self.assertGreater(len(errors), 15)
        for moment, error in errors:
            self.assertAlmostEqual(error, 2 + 50e-6 * (moment - 1000), delta=30e-6)

    def test_the_bounds_of_the_raw_clock_hold_the_truth(self) -> None:
        """Every exchange narrows them, and the true constant stays within."""
        record = boot("client", -7 * SECOND, 0)
        for bounds in (record.by_line, record.by_counter):
            self.assertLessEqual(bounds.lowest, -7 * SECOND)
            self.assertGreaterEqual(bounds.highest, -7 * SECOND)
        self.assertLess(record.uncertainty_seconds, 12e-6)

    def test_a_counter_that_is_not_the_same_in_the_node_is_not_used(self) -> None:
        """Whether it is far off or by less than the line can tell: then its bounds leave the line's."""
        for counter_ahead in (10 * SECOND, 75_000):
            record = boot("client", -7 * SECOND, 0, counter_ahead=counter_ahead)
            self.assertIs(record.bounds, record.by_line)
            self.assertLess(record.uncertainty_seconds, 100e-6)

    def test_a_reading_interrupted_in_the_middle_is_left_out(self) -> None:
        """Its bracket is too wide to say anything."""
        record = BootRecord("client")
        record.add(Exchange(0, 0, 5, 6, 7, 8, 15, 20, 20), Sample(10, 10, 10**6))
        self.assertEqual(record.samples, [])

    def test_a_lie_of_the_truth_is_taken_off_it_and_nothing_is_told_of_the_moment_in_which_it_begins(self) -> None:
        """The server goes ahead by 1 s after ten seconds, and the client follows it: so it is wrong by 1 s."""
        recorder = ClockRecorder()
        client, server = boot("client", 0, 0), boot("server", 0, 0)
        for record in (client, server):
            record.samples = [
                Sample(each.raw, each.real + (SECOND if each.raw > 1010 * SECOND else 0), each.width)
                for each in record.samples
            ]
        recorder.boots = [client, server]
        recorder.lies("server", 1.0, (1010.2, 1010.4))
        told = recorder.errors("client", "server")
        self.assertGreater(len(told), 10)
        for moment, error in told:
            self.assertAlmostEqual(error, 0 if moment < 1010 else 1, delta=30e-6)
            self.assertGreater(abs(moment - 1010.3), 0.9)

    def test_a_node_without_readings_has_no_errors(self) -> None:
        """Neither does one that nothing is known about."""
        self.assertEqual(ClockRecorder().errors("client", "server"), [])


class Counter(unittest.TestCase):
    """The processor's counter."""

    def test_it_counts_on(self) -> None:
        """Also after a collection of garbage."""
        read = tsc.counter()
        gc.collect()
        first = read()
        self.assertGreater(read(), first)


class Plot(unittest.TestCase):
    """The picture."""

    def test_the_picture_is_well_formed_and_within_its_frame(self) -> None:
        """With errors from 2 s to a microsecond, and with none at all."""
        series = {"client <1>": [(0.0, 2.0), (5.0, -1e-3), (10.0, 1e-6)]}
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "clock.svg"
            for each in (series, {}):
                plot.write_plot(path, "a & b", each, 0.001)
                picture = ElementTree.parse(path).getroot()
                for line in picture.iter("{http://www.w3.org/2000/svg}polyline"):
                    for point in line.attrib["points"].split():
                        x, y = (float(value) for value in point.split(","))
                        self.assertTrue(0 <= x <= plot.WIDTH and 0 <= y <= plot.HEIGHT)

    def test_errors_are_labelled_in_their_unit(self) -> None:
        """Seconds, milliseconds, microseconds."""
        self.assertEqual([plot.label(error) for error in (1.0, -1e-3, 1e-5)], ["+1 s", "-1 ms", "+10 µs"])


class Requirements(unittest.TestCase):
    """What a machine must have."""

    def test_what_is_missing_is_told_with_the_line_that_installs_it(self) -> None:
        """All at once."""
        with (
            mock.patch("shutil.which", lambda name, **_: None if "uml" in name else name),
            self.assertRaisesRegex(CannotRun, "apt-get install .*user-mode-linux"),
        ):
            requirements.check_machine(BACKENDS["uml"].programs)

    def test_a_plain_user_is_told_that_root_is_needed_and_why(self) -> None:
        """Before anything is built."""
        with (
            mock.patch("shutil.which", lambda name, **_: name),
            mock.patch("os.geteuid", lambda: 1000),
            self.assertRaisesRegex(CannotRun, "Root is needed"),
        ):
            requirements.check_machine(BACKENDS["uml"].programs)


class Stories(unittest.TestCase):
    """Definitions of stories."""

    def test_every_story_loads(self) -> None:
        """And `basic` is in the default set."""
        self.assertIn("basic", [story.name for story in find_stories(VM_TESTS) if story.default])

    def test_a_story_of_two_suites_is_two_stories_and_the_default_set_may_have_one_of_them(self) -> None:
        """Each is found by its own name, both by that of the script."""
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / "twice.py").write_text("")
            (directory / "twice.toml").write_text(
                'description = ""\ndefault = ["trixie"]\ndeadline-seconds = 1\n'
                'suites = ["bookworm", "trixie"]\n[nodes.a]\n'
            )
            both = load_stories(directory, "twice")
            self.assertEqual([story.name for story in both], ["twice-bookworm", "twice-trixie"])
            self.assertEqual([story.default for story in both], [False, True])
            self.assertEqual([story.nodes[0].root.suite for story in both], ["bookworm", "trixie"])
            self.assertEqual(load_stories(directory, "twice-trixie"), both[1:])

    def test_a_misspelt_key_is_refused_by_name(self) -> None:
        """Otherwise a story would run without what it asks for."""
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / "wrong.py").write_text("")
            (directory / "wrong.toml").write_text("[nodes.a]\npackage = []\n")
            with self.assertRaisesRegex(WrongUse, "'package'"):
                read_stories(directory, "wrong")

    def test_a_seeded_fault_that_nobody_knows_or_in_a_node_that_is_not_there_is_refused(self) -> None:
        """Otherwise nobody would notice that it was never put in."""
        for fault, problem in (("steering = {}", "'steering'"), ('lie = { node = "b", subtest = "x" }', "'lie'")):
            with tempfile.TemporaryDirectory() as name:
                directory = Path(name)
                (directory / "wrong.py").write_text("")
                (directory / "wrong.toml").write_text(
                    f'description = ""\ndefault = true\ndeadline-seconds = 1\n[nodes.a]\n[seeded-faults]\n{fault}\n'
                )
                with self.assertRaisesRegex(WrongUse, problem):
                    read_stories(directory, "wrong")

    def test_every_seeded_fault_begins_in_a_subtest_that_there_is(self) -> None:
        """By its name, as the script has it."""
        for story in find_stories(VM_TESTS):
            for fault in story.faults:
                self.assertIn(f'with subtest("{fault.subtest}"):', story.script.read_text(), story.name)

    def test_an_unknown_story_names_those_that_exist(self) -> None:
        """So that the next try is right."""
        with self.assertRaisesRegex(WrongUse, "basic"):
            load_stories(VM_TESTS, "basics")


class Leftovers(unittest.TestCase):
    """Directories of runs."""

    def test_what_a_killed_run_left_is_removed_and_what_a_running_one_holds_is_not(self) -> None:
        """The lock tells them apart."""
        with tempfile.TemporaryDirectory() as name:
            cache = Path(name)
            killed = cache / "runs" / "basic-killed"
            killed.mkdir(parents=True)
            (killed / "disk.cow").write_text("")
            with run_directory(cache, "basic") as held:
                self.assertEqual(remove_leftovers(cache), [killed])
                self.assertTrue(held.exists())
            self.assertFalse(held.exists())

    def test_a_lock_goes_with_its_process(self) -> None:
        """Also when that is killed."""
        with tempfile.TemporaryDirectory() as name:
            cache = Path(name)
            program = (
                f"import sys; sys.path.insert(0, {str(VM_TESTS)!r})\n"
                "from pathlib import Path\n"
                "from runner.run_directory import run_directory\n"
                f"with run_directory(Path({name!r}), 'basic') as held:\n"
                "    print(held, flush=True); sys.stdin.read()\n"
            )
            with subprocess.Popen(
                [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdout is not None
                left = Path(process.stdout.readline().strip())
                self.assertEqual(remove_leftovers(cache), [])
                process.kill()
                process.wait()
            self.assertEqual(remove_leftovers(cache), [left])


@unittest.skipUnless(os.geteuid() == 0, "namespaces need root")
class Namespaces(unittest.TestCase):
    """What ends with a run."""

    def test_everything_ends_when_the_run_is_killed(self) -> None:
        """A process started inside holds a lock; SIGKILL of the outermost process frees it."""
        with tempfile.NamedTemporaryFile() as file:
            program = (
                f"import sys, os, fcntl, subprocess, time; sys.path.insert(0, {str(VM_TESTS)!r})\n"
                "from runner.namespaces import run_in_namespaces\n"
                "def inside():\n"
                f"    held = open({file.name!r})\n"
                "    fcntl.flock(held, fcntl.LOCK_EX)\n"
                "    subprocess.Popen(['sleep', '1000'], pass_fds=[held.fileno()], start_new_session=True)\n"
                "    print('held', flush=True); time.sleep(1000); return 0\n"
                "run_in_namespaces(inside, network=True)\n"
            )
            with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                self.assertEqual(process.stdout.readline(), "held\n")
                process.kill()
            deadline = time.monotonic() + 10
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self.assertLess(time.monotonic(), deadline, "a process of the run is still there")
                    time.sleep(0.05)

    def test_the_exit_code_comes_through_and_an_exception_is_a_failure(self) -> None:
        """Also that of a run which was told to end."""

        def told_to_end() -> int:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
            return 0

        self.assertEqual(namespaces.run_in_namespaces(lambda: 5, network=False), 5)
        self.assertEqual(namespaces.run_in_namespaces(told_to_end, network=False), 130)


if __name__ == "__main__":
    unittest.main()

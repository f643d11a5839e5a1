"""Tests of the page about a run."""

from __future__ import annotations

import json
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

from runner.report import write_report


class Page(HTMLParser):
    """What a reader sees, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen = ""
        self.links: list[str] = []
        self.feed(text)

    def handle_data(self, data: str) -> None:
        """Text."""
        self.seen += data + " "

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Links and pictures."""
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        self.assert_known(tag)

    def assert_known(self, tag: str) -> None:
        """No text of a story was taken as a tag."""
        assert tag != "b", "a failure was not escaped"


class Report(unittest.TestCase):
    """Three stories: one passed, one failed, one was killed."""

    def setUp(self) -> None:
        """Their directories."""
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.output = Path(holder.name)
        good = {
            "passed": True,
            "seconds": 93.4,
            "description": "a clock",
            "subtests": [{"name": "it is right", "passed": True, "seconds": 60.0}],
            "watched": [
                {"node": "client", "seconds": 60, "worst": 0.000936, "median": 0.00004},
                {"node": "client", "seconds": 10, "worst": 0.5, "median": 0.4},
            ],
            "known-to": {"client": 0.000018, "server": 0.0},
        }
        bad = {"passed": False, "seconds": 5.0, "failure": "<b> is not 1", "subtests": [], "watched": []}
        for name, report in (("good", good), ("bad", bad)):
            (self.output / name).mkdir()
            (self.output / name / "report.json").write_text(json.dumps(report))
        (self.output / "good" / "clock.svg").write_text("<svg/>")
        self.page = Page(write_report(self.output, ["good", "bad", "killed"], "uml, bare").read_text())

    def test_each_story_has_its_result_its_time_and_its_failure(self) -> None:
        """One that was killed has failed, and nothing that a story says is taken as HTML."""
        for text in ("1 of 3 passed", "uml, bare", "93 s", "<b> is not 1", "ended before it could report"):
            self.assertIn(text, self.page.seen)
        self.assertEqual(self.page.seen.count("FAILED"), 2)

    def test_the_true_error_is_that_of_the_longest_watch(self) -> None:
        """With its unit, and how well it is known."""
        self.assertIn("client: worst 936 µs, median 40 µs in 60 s, known to ±18 µs", self.page.seen)

    def test_plots_and_logs_are_linked_where_they_are(self) -> None:
        """Beside the page, so that both can be carried away together."""
        self.assertIn("good/clock.svg", self.page.links)
        for link in self.page.links:
            self.assertTrue(link.startswith("#") or (self.output / link).exists(), link)


if __name__ == "__main__":
    unittest.main()

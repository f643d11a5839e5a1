"""The page about a run of several stories: what each came to, how long it took, its clocks. Runs nothing."""

from __future__ import annotations

import json
import os
import platform
import time
from html import escape
from pathlib import Path
from typing import Any

from .plot import amount

STYLE = """
body { font: 15px/1.4 sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 1em 0 }
th, td { text-align: left; vertical-align: top; padding: .3em .7em; border-bottom: 1px solid #ddd }
td.number { text-align: right; white-space: nowrap }
.passed { color: #17692c } .failed { color: #b3141c; font-weight: bold }
h2 { margin-top: 2em } img { max-width: 100% } pre { white-space: pre-wrap; background: #f6f6f6; padding: .6em }
"""


def read_reports(output: Path, titles: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """What each run left; one that was killed has left nothing and has failed."""
    reports = []
    for title in titles:
        path = output / title / "report.json"
        if path.exists():
            reports.append((title, json.loads(path.read_text())))
        else:
            reports.append((title, {"passed": False, "failure": "the runner was ended before it could report"}))
    return reports


def write_report(output: Path, titles: list[str], what_ran: str) -> Path:
    """Writes `report.html`, beside the directories of the stories."""
    reports = read_reports(output, titles)
    seconds = sum(report.get("seconds", 0) for _, report in reports)
    passed = sum(report["passed"] for _, report in reports)
    system = f"{os.cpu_count()} processors, Linux {platform.release()}"
    page = output / "report.html"
    page.write_text(
        "<!doctype html><meta charset=utf-8><title>Test machines</title>"
        f"<style>{STYLE}</style><h1>Test machines: {passed} of {len(reports)} passed</h1>"
        f"<p>{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {escape(what_ran)}, {escape(system)}; "
        f"{seconds:.0f} s in all.</p>"
        "<table><tr><th>story<th>result<th>time<th>true error while it was watched<th>failure</tr>"
        + "".join(row(title, report) for title, report in reports)
        + "</table>"
        + "".join(section(output, title, report) for title, report in reports)
    )
    return page


def result(report: dict[str, Any]) -> str:
    """What it came to, in one word."""
    if not report["passed"]:
        return "FAILED"
    return "noticed the fault" if report.get("fault") else "passed"


def watched(report: dict[str, Any]) -> str:
    """The worst and the median true error of each node that the script watched for a while, in its longest watch."""
    longest: dict[str, dict[str, Any]] = {}
    for each in report.get("watched", []):
        if each["node"] not in longest or each["seconds"] > longest[each["node"]]["seconds"]:
            longest[each["node"]] = each
    known = report.get("known-to", {})
    return "<br>".join(
        f"{escape(node)}: worst {amount(each['worst'])}, median {amount(each['median'])} in {each['seconds']:.0f} s"
        + (f", known to ±{amount(known[node])}" if node in known else "")
        for node, each in longest.items()
    )


def row(title: str, report: dict[str, Any]) -> str:
    """A line of the table."""
    kind = "passed" if report["passed"] else "failed"
    failure = escape(report.get("failure", ""))
    return (
        f'<tr><td><a href="#{escape(title)}">{escape(title)}</a><td class={kind}>{result(report)}'
        f"<td class=number>{report.get('seconds', 0):.0f} s<td>{watched(report)}<td>{failure[:300]}</tr>"
    )


def section(output: Path, title: str, report: dict[str, Any]) -> str:
    """A story with its subtests, its clocks and its logs."""
    files = sorted(path.name for path in (output / title).glob("*"))
    links = ", ".join(f'<a href="{escape(title)}/{escape(name)}">{escape(name)}</a>' for name in files)
    subtests = "".join(
        f"<tr><td>{escape(each['name'])}<td class={'passed' if each['passed'] else 'failed'}>"
        f"{'passed' if each['passed'] else 'FAILED'}<td class=number>{each['seconds']:.1f} s</tr>"
        for each in report.get("subtests", [])
    )
    plot = f'<img src="{escape(title)}/clock.svg" alt="true clock errors">' if "clock.svg" in files else ""
    failure = f"<pre>{escape(report['failure'])}</pre>" if "failure" in report else ""
    return (
        f'<h2 id="{escape(title)}">{escape(title)}</h2><p>{escape(report.get("description", ""))}</p>{failure}'
        f"<table>{subtests}</table>{plot}<p>{links}</p>"
    )

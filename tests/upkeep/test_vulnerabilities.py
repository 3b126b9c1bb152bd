"""The report counts what was checked; an index without data is not reported as clean."""

from __future__ import annotations

import json

from upkeep.vulnerabilities import read_report, render, run_pip_audit


def printed(*rows: dict[str, object]) -> str:
    return json.dumps({"dependencies": rows, "fixes": []})


CLEAN = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def test_a_known_vulnerability_is_reported_with_where_it_is_fixed() -> None:
    report = read_report(printed(CLEAN, BAD, UNKNOWN), "")
    assert report.vulnerabilities == ("b 2: PYSEC-1, fixed in 3",)
    text = render(report)
    assert "2 packages checked, 1 vulnerabilities" in text
    assert "NOT checked, for want of data: 1" in text


def test_where_every_package_is_unknown_the_report_is_not_clean() -> None:
    report = read_report(printed(UNKNOWN, UNKNOWN), "")
    assert report.is_without_data
    assert "not a clean report" in render(report)
    assert "not found" in render(report)


def test_an_auditor_that_fails_gives_no_clean_report() -> None:
    report = read_report("", "Traceback\nConnectionError: no route")
    assert report.is_without_data
    assert "no route" in render(report)


def test_an_auditor_that_does_not_end_is_ended() -> None:
    report = run_pip_audit(seconds=0.001)
    assert report.is_without_data
    assert "NO VULNERABILITY DATA" in render(report)

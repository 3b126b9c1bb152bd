"""Known vulnerabilities of the pinned packages. A missing answer is reported as missing, never as clean."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, NamedTuple

from upkeep.constraints import INSTALL

TOTAL_SECONDS = 150
"""For the whole report; a service that does not answer must not block a build."""
REQUEST_SECONDS = 5


class Report(NamedTuple):
    """The result of one pip-audit run."""

    audited: int
    """Packages that the service has data for."""
    skipped: int
    """Packages that it has no data for."""
    vulnerabilities: tuple[str, ...]
    failure: str
    """Why there is no data; empty: there is."""

    @property
    def is_without_data(self) -> bool:
        return self.audited == 0


def run_pip_audit(seconds: float = TOTAL_SECONDS) -> Report:
    """Run pip-audit on the pinned packages."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(INSTALL), "--require-hashes", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", str(REQUEST_SECONDS)]
    try:
        ran = subprocess.run([*command, *options], capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return Report(0, 0, (), f"no whole answer within {seconds:g} s")
    return read_report(ran.stdout, ran.stderr)


def read_report(output: str, errors: str) -> Report:
    """Parse the output of pip-audit."""
    try:
        rows: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = errors.strip().splitlines()
        return Report(0, 0, (), lines[-1] if lines else "pip-audit printed nothing")
    known = [row for row in rows if "skip_reason" not in row]
    found = [_vulnerability(row, each) for row in known for each in row.get("vulns", [])]
    reasons = {row["skip_reason"] for row in rows if "skip_reason" in row}
    return Report(
        len(known), len(rows) - len(known), tuple(found), "" if known else next(iter(sorted(reasons)), "no rows")
    )


def render(report: Report) -> str:
    if report.is_without_data:
        return (
            "NO VULNERABILITY DATA COULD BE HAD: this is not a clean report, nothing was checked.\n"
            f"The service of the package index gave no data: {report.failure}\n"
            f"Run `python -m upkeep vulnerabilities` where it can be reached."
        )
    lines = [
        *report.vulnerabilities,
        f"{report.audited} packages checked, {len(report.vulnerabilities)} vulnerabilities",
    ]
    if report.skipped:
        lines.append(f"NOT checked, for want of data: {report.skipped} packages")
    return "\n".join(lines)


def _vulnerability(row: dict[str, Any], known: dict[str, Any]) -> str:
    fixed = ", ".join(known.get("fix_versions", [])) or "no version yet"
    return f"{row['name']} {row['version']}: {known['id']}, fixed in {fixed}"

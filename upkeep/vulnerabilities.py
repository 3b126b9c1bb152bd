"""What is known against the packages of the constraints. No answer is no good answer, and is said to be none."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, NamedTuple

from upkeep.constraints import INSTALL

TOTAL_SECONDS = 150
"""For the whole report; a service that does not answer must not hold a build."""
REQUEST_SECONDS = 5


class Report(NamedTuple):
    """What came of asking."""

    audited: int
    """Packages that the service knows."""
    skipped: int
    """Packages it could not say anything of."""
    vulnerabilities: tuple[str, ...]
    trouble: str
    """Why nothing was told; empty: something was."""

    @property
    def is_without_data(self) -> bool:
        return self.audited == 0


def ask(seconds: float = TOTAL_SECONDS) -> Report:
    """Ask the service of the package index."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(INSTALL), "--require-hashes", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", str(REQUEST_SECONDS)]
    try:
        ran = subprocess.run([*command, *options], capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return Report(0, 0, (), f"no whole answer within {seconds:g} s")
    return read_report(ran.stdout, ran.stderr)


def read_report(output: str, errors: str) -> Report:
    """What pip-audit printed."""
    try:
        rows: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = errors.strip().splitlines()
        return Report(0, 0, (), lines[-1] if lines else "pip-audit said nothing")
    told = [row for row in rows if "skip_reason" not in row]
    found = [_vulnerability(row, each) for row in told for each in row.get("vulns", [])]
    reasons = {row["skip_reason"] for row in rows if "skip_reason" in row}
    return Report(
        len(told), len(rows) - len(told), tuple(found), "" if told else next(iter(sorted(reasons)), "no rows")
    )


def render(report: Report) -> str:
    if report.is_without_data:
        return (
            "NO VULNERABILITY DATA COULD BE HAD: this is not a clean report, nothing was checked.\n"
            f"The service of the package index told nothing: {report.trouble}\n"
            f"Run `python -m upkeep vulnerabilities` where it can be reached."
        )
    lines = [
        *report.vulnerabilities,
        f"{report.audited} packages checked, {len(report.vulnerabilities)} vulnerabilities",
    ]
    if report.skipped:
        lines.append(f"NOT checked, for want of data: {report.skipped} packages")
    return "\n".join(lines)


def _vulnerability(row: dict[str, Any], told: dict[str, Any]) -> str:
    fixed = ", ".join(told.get("fix_versions", [])) or "no version yet"
    return f"{row['name']} {row['version']}: {told['id']}, fixed in {fixed}"

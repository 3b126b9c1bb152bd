"""Measures which two faults can be planted together: ``python -m bench.measure_pairs``.

A fault of a pair leaves its mark where the checks of the run with both raise something that those of the run with only
the other one do not. The table it prints is that of `domain/faults/compositions.py`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import combinations

from domain.faults import CATALOGUE, Fault
from domain.fields.registry import find
from domain.training import checks
from domain.training.frame import Frame
from domain.training.pipeline import FieldValue, Pipeline, draw_pipeline
from domain.training.randomness import Stream
from domain.training.simulator import draw_raw, simulate

FIRST_SEED = 40_000_000
MIN_SHARE = 0.85
"""Share of the seeds in which each fault of a pair has to leave its mark, as a single fault has to in `docs/explanation/exam.md`."""

Reasons = frozenset[tuple[str, str]]


def touched(fault: Fault, healthy: Pipeline) -> set[str | None]:
    """The values of the pipeline that the fault or a declared repair of it sets."""
    return {fault.spec.attribute, *(find(safe.file, safe.field).attribute for safe in fault.safe(healthy))}


def severity_of(fault: Fault, healthy: Pipeline, raw: Frame, usual: Reasons) -> tuple[FieldValue, Reasons]:
    """The severity that planting alone would choose, and the reasons that its run raises."""
    for value in fault.severities(healthy, Stream(healthy.seed, f"fault/{fault.fault_id}")):
        found = checks.clearly_unusual(simulate(fault.plant(healthy, value), raw=raw))
        if found - usual:
            break
    return value, found


def measure(first: int, count: int) -> dict[tuple[str, str], Counter[str]]:
    """Pair to the number of seeds in which each of the two left its mark."""
    marks: dict[tuple[str, str], Counter[str]] = {}
    for seed in range(first, first + count):
        healthy = draw_pipeline(seed)
        raw = draw_raw(healthy)
        usual = checks.clearly_unusual(simulate(healthy, raw=raw))
        alone = {name: severity_of(fault, healthy, raw, usual) for name, fault in CATALOGUE.items()}
        for one, other in combinations(sorted(CATALOGUE), 2):
            if touched(CATALOGUE[one], healthy) & touched(CATALOGUE[other], healthy):
                continue
            planted = CATALOGUE[other].plant(CATALOGUE[one].plant(healthy, alone[one][0]), alone[other][0])
            both = checks.clearly_unusual(simulate(planted, raw=raw))
            counted = marks.setdefault((one, other), Counter())
            counted[one] += bool(both - alone[other][1])
            counted[other] += bool(both - alone[one][1])
    return marks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--all", action="store_true", help="also the pairs that do not reach the share")
    arguments = parser.parse_args()
    marks = measure(arguments.first, arguments.count)
    apart: dict[str, list[str]] = {}
    for (one, other), counted in marks.items():
        least = min(counted[one], counted[other]) / arguments.count
        if arguments.all:
            print(f"{one} {counted[one]} {other} {counted[other]}")
        if least < MIN_SHARE:
            apart.setdefault(one, []).append(other)
    for pair in combinations(sorted(CATALOGUE), 2):
        if pair not in marks:
            apart.setdefault(pair[0], []).append(pair[1])
    for one, others in sorted(apart.items()):
        print(f'    "{one}": "{" ".join(sorted(others))}",')
    print(f"{len(marks)} pairs set different values, of all {len(CATALOGUE) * (len(CATALOGUE) - 1) // 2}")


if __name__ == "__main__":
    main()

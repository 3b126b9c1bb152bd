"""The tables that a run prints, in Markdown, so that a README can show them as they are."""

from __future__ import annotations

from bench.results import PEER, Results
from bench.targets import Target, targets_of


def render(results: Results) -> str:
    """Everything that was measured, for a reader."""
    parts = (_machine(results), _rates(results), _servers(results), _single(results), _targets(targets_of(results)))
    return "\n\n".join(part for part in parts if part)


def _machine(results: Results) -> str:
    machine = results.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}, SQLite {machine['sqlite']}, {packages}; fsync of the disk: median "
        f"{machine['fsync_median_ms']:.2f} ms, p99 {machine['fsync_p99_ms']:.2f} ms; load average before the run "
        f"{machine['load_average_before'][0]}; plan {results.plan}."
    )


def _rates(results: Results) -> str:
    rows = [
        "| load | clients | server | steps/s | against OpenEnv | resets/s | step p50 | step p99 | CPU of server / load generator | slowest slice |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for cell in results.cells:
        figure, peer = cell.figure, results.find(cell.load, cell.clients, PEER)
        own_rate, peer_rate = figure.steps_per_second, peer.steps_per_second if peer else 0.0
        if not peer_rate and peer:
            own_rate, peer_rate = figure.resets_per_second, peer.resets_per_second
        ratio = f"{own_rate / peer_rate:.2f}x" if peer_rate else ""
        rows.append(
            f"| {cell.load} | {cell.clients:,} | {cell.server} | {figure.steps_per_second:,.0f} | {ratio} "
            f"| {figure.resets_per_second:,.0f} | {_ms(figure.step_p50_ms)} | {_ms(figure.step_p99_ms)} "
            f"| {figure.server_cpu:.2f} / {figure.load_cpu:.2f} | {figure.spread:.0%} |"
        )
    return "\n".join(rows)


def _servers(results: Results) -> str:
    rows = [
        "| server | start to first answer | memory of an open socket | threads with sockets open |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, seconds in results.start_seconds.items():
        memory = results.socket_bytes.get(name)
        shown = f"{memory / 1024:.1f} KB" if memory is not None else ""
        rows.append(f"| {name} | {seconds:.2f} s | {shown} | {results.socket_threads.get(name, '')} |")
    return "\n".join(rows)


def _single(results: Results) -> str:
    rows = ["| figure | value |", "| --- | ---: |"]
    rows += [f"| {name.replace('_', ' ')} | {value:,.2f} |" for name, value in results.single.items()]
    return "\n".join(rows)


def _targets(targets: tuple[Target, ...]) -> str:
    rows = ["| promise | measured | must | aim | |", "| --- | ---: | ---: | ---: | --- |"]
    for each in targets:
        sign = "" if each.is_least else "at most "
        must = "" if each.must is None else f"{sign}{each.must:,}{each.unit}"
        measured = "" if each.measured is None else f"{_number(each.measured)}{each.unit}"
        rows.append(f"| {each.figure} | {measured} | {must} | {sign}{each.aim:,}{each.unit} | {each.verdict} |")
    return "\n".join(rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms"

"""The picture of a run: steps a second and the 99th percentile over the number of clients."""

from __future__ import annotations

from pathlib import Path

import matplotlib

from bench.results import CEILING, OWN, Results


def draw(results: Results, path: Path) -> None:
    """Write the picture; the suffix of the path chooses PNG or SVG."""
    matplotlib.use("Agg")
    from matplotlib import pyplot  # only now: the import chooses how to draw

    cells = [cell for cell in results.cells if cell.load == "ws"]
    names = list(dict.fromkeys(cell.server for cell in cells))
    figure, (rates, waits) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for name in names:
        own = [cell for cell in cells if cell.server == name]
        clients = [cell.clients for cell in own]
        style = {"marker": "o", "linewidth": 2.5 if name == OWN else 1.5, "linestyle": ":" if name == CEILING else "-"}
        rates.plot(clients, [cell.figure.steps_per_second for cell in own], label=name, **style)
        waits.plot(clients, [cell.figure.step_p99_ms for cell in own], label=name, **style)
    rates.set(title="Steps per second (more is better)", ylabel="steps/s")
    waits.set(title="99th percentile of a step (less is better)", ylabel="ms")
    ticks = sorted({cell.clients for cell in cells})
    for axes in (rates, waits):
        axes.set(
            xscale="log", yscale="log", xlabel="clients", xticks=ticks, xticklabels=[f"{each:,}" for each in ticks]
        )
        axes.minorticks_off()
        axes.grid(visible=True, alpha=0.3)
    rates.legend()
    figure.suptitle("Whole episodes over WebSocket, warm scenarios")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)

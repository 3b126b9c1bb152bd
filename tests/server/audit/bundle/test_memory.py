"""Export and the reading of a bundle take the same memory whatever the number of episodes."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.fill_store import fill
from server.audit.bundle.episodes import read_batches
from server.audit.bundle.reader import open_bundle
from server.audit.bundle.writer import export_bundle
from server.audit.episode_index import open_index
from server.audit.store_plan import plan_episodes
from server.security.secret_files import SecretFiles
from server.security.signing import load_signer
from server.storage.connections import run_read_snapshot

SIZES = (600, 2_400)
"""Both are many batches of the sizes that are set below."""
MAX_GROWTH = 256 * 1024
"""Bytes for 1,800 further episodes: 150 for each would be more."""


def peak_of(work: Callable[[], Any]) -> int:
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.slow
def test_memory_does_not_grow_with_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bundle.writer._FETCHED", "store_plan._FETCHED"):
        monkeypatch.setattr(f"server.audit.{name}", 50)
    for name in ("writer.EPISODES_AT_A_TIME", "episodes.MAX_BATCH_EPISODES"):
        monkeypatch.setattr(f"server.audit.bundle.{name}", 20)
    monkeypatch.setattr(
        "server.audit.bundle.reader.MIB", 64 * 1024
    )  # of the buffer, which a small bundle does not fill
    peaks: dict[str, list[int]] = {"export": [], "read": [], "plan": []}
    signer = load_signer(SecretFiles(tmp_path))
    for size in SIZES:
        database, bundle = tmp_path / f"{size}.db", tmp_path / f"{size}.zip"
        asyncio.run(fill(database, size))
        url = f"sqlite:///{database}"

        def export(url: str = url, bundle: Path = bundle) -> None:
            asyncio.run(
                run_read_snapshot(url, lambda opened: export_bundle(opened, signer, bundle, round_id=None, now="now"))
            )

        def read(bundle: Path = bundle) -> None:
            with open_bundle(bundle) as opened:
                assert sum(len(batch.episodes) for batch in read_batches(opened)) == size

        def plan(url: str = url) -> None:
            with open_index() as index:
                asyncio.run(run_read_snapshot(url, lambda opened: plan_episodes(opened, index, None)))
                assert sum(map(len, index.batches(20))) == size

        for name, work in (("export", export), ("read", read), ("plan", plan)):
            work()  # what is imported and cached
            peaks[name].append(peak_of(work))
    print({name: [f"{peak / 1e6:.1f} MB" for peak in of] for name, of in peaks.items()})
    for name, (small, large) in peaks.items():
        assert large - small < MAX_GROWTH, name

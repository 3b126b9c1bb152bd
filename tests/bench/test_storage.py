"""What an event takes on disk."""

from __future__ import annotations

from pathlib import Path

from bench.storage import used_bytes, write_history


def test_an_event_of_a_short_episode_takes_at_most_300_bytes(tmp_path: Path) -> None:
    write_history(tmp_path / "empty.db", 0)
    events = write_history(tmp_path / "history.db", 4500)
    empty, bodies = used_bytes(tmp_path / "empty.db")
    used, _ = used_bytes(tmp_path / "history.db")
    assert bodies == 0
    assert (used - empty) / events <= 300

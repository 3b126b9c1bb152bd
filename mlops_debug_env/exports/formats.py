"""Names of what is exported, and of the formats. Imports nothing, for the help of the command."""

from __future__ import annotations

from typing import Literal

What = Literal["results", "chat", "preference", "events"]
FileFormat = Literal["jsonl", "parquet"]

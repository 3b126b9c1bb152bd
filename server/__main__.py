"""``python -m server`` is ``mlops-debug``."""

from __future__ import annotations

from server.cli import main

if __name__ == "__main__":
    main()

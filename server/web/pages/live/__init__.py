"""Running episodes: ``page`` handles the live page and its event stream, ``feed`` reads the log, ``shutdown`` ends streams."""

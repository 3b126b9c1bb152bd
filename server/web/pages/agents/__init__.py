"""Pages and JSON of one agent and of one run: ``page`` handles the requests, ``view`` sums up what is shown."""

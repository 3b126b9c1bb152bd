"""The shell: the only place with a clock, a socket or a database."""

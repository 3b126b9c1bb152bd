"""The database: engines, migrations, tables, the writers of the event store, and the read models.

``connections``: read and write connections for commands. ``backend``: what a running server opens. ``engines``,
``migrations``, ``schema``: the databases and their tables. ``stream_codec``: rows, links, events and states.
``writers``: group commit. ``read_models``, ``attempts``: rows derived from events. ``positions``: reading by position.
``errors``: why the store refuses. The event store itself is ``server.store``.
"""

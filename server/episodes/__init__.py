"""The application service of episodes: reset, step, close, state, and the sessions on which they are played.

``service``: ``Episodes``, and the append of each change. ``commands``: the request of a reset. ``start``: seed, scenario and
first rows of a new episode. ``idempotency``: repeated resets and steps. ``responses``: the bytes of answers. ``cache``,
``keyed_lock``, ``limits``: state of this process.
``sessions``, ``peers``: sockets, here and on other servers. ``idle_sweeper``: ends idle episodes. ``rebuild``: builds the
read models from the events. ``transcripts``: what a model said, as its client shares it. ``errors``: why a request is refused.
"""

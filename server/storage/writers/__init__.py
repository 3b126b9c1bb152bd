"""Group commit: appends of many episodes in one transaction, acknowledged when it is durable.

``sqlite``, ``postgres``: the writers of one server process. ``remote``, ``process``, ``frames``: one process that writes an SQLite
file for several. ``batch``, ``transaction``: writing. ``protocol``: what they share. ``durability``, ``measured``: around them.
"""

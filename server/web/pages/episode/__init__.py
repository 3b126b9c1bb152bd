"""The page of one episode and the comparison of two.

``page``: handlers. ``view``: view model of an episode, from ``timeline`` (its events), ``artifacts`` and ``exposure`` (their lines,
and when each was first shown), ``curves`` and ``grade``. ``comparison``: two view models side by side. ``twins``: cache of
healthy twins. ``audit_limit``: limit of concurrent audits.
"""

"""The page of one episode and the comparison of two.

``page``: handlers. ``view``: view model of an episode, from ``timeline`` (its events), ``artifacts`` and ``exposure`` (their lines,
and when each was first shown), ``curves`` and ``grade``. Of runs on several sources: ``documents`` (single values of the artifacts, as
far as a viewer may see them), ``sources``, ``slices``, ``changes`` (the diff and its guilty change); ``experiments`` and
``measurements`` (numbers of the checks beside the twin's). ``comparison``: two view models side by side. ``twins``: cache of
healthy twins. ``audit_limit``: limit of concurrent audits.
"""

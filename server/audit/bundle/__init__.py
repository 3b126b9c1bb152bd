"""Bundles: a round or a database in one signed file, written and verified."""

"""Investigating by hand."""

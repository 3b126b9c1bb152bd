"""Generators of the pages of docs/reference, one module a page; each is a pure function of the code."""

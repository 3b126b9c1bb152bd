"""Reads what a diagnosis names and proposes, in whatever words people use. Knows the registry, and no fault."""

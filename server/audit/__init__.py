"""Proof that the record is whole and follows from itself."""

"""The tests: a mirror of the folders above, plus end-to-end."""

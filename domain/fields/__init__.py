"""The registry of fields: every field of every artifact, with its type and range."""

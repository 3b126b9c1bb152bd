"""docs/reference, written from the code: one module a page, each a pure function of what the code says."""

"""Black-box tests: a real server process, a real database file, real clients. The contract is WIRE.md."""

"""The application service: reset, step, close, state."""

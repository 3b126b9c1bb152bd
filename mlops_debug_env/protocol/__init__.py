"""The wire as the client knows it: actions, observations, grades, errors."""

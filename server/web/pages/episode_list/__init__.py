"""The list of episodes."""

"""The Model Context Protocol: every action is a tool, and every tool call is a step in the same log."""

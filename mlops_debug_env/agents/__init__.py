"""Agents that play episodes. Each sees what the wire shows, and nothing else."""

"""Agents that must not score: blind ones, and ones that have read many public episodes. ``mlops-debug canaries``."""

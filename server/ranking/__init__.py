"""Ranked rounds, their attempts and the leaderboard."""

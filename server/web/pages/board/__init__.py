"""The leaderboard page of a round: ``page`` handles the request, ``view`` builds what the template shows."""

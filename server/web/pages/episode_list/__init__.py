"""The list of episodes: ``filter`` parses the query string, ``query`` reads one page by SQL, ``page`` handles the request."""

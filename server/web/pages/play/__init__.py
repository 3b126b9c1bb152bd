"""Playing an episode in the browser: ``forms`` turns forms into requests, ``page`` handles them."""

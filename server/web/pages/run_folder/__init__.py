"""Pages of a run's folder, which ``mlops-debug view`` serves without a database: the episodes, and the turns of one with the model's requests
and replies. ``app``: the application. ``view``: what the templates show."""

"""One episode: deciding on an action, folding events, observing."""

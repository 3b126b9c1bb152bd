"""Who is asking, and what must stay secret."""

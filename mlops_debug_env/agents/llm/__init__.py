"""A language model as an agent, behind any OpenAI-compatible endpoint."""

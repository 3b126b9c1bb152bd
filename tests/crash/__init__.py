"""Kills a loaded server again and again, and looks whether anything that it had acknowledged is lost."""

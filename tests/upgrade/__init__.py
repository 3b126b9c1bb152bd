"""Stores that released versions wrote are served, checked and continued by this one."""

"""Maintenance of the checkout: constraints, vulnerabilities, the image and the reference. Never installed."""

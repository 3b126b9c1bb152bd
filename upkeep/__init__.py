"""What keeps the checkout in order: constraints, licences, vulnerabilities, the image and the reference. Never installed."""

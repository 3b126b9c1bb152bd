"""What an operator runs beside a server."""

"""The client's commands. Each ends with an exit code that scripts can use and, where it fails, with one line."""

"""Group commit: appends of many episodes in one transaction, acknowledged when it is durable."""

"""Results and locks on a Redis server."""

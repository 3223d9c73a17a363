"""What shares a journey to a Redis server."""

"""Results and locks as files in a directory."""

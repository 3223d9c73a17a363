"""What the store says of tasks: status, removal, pictures, workers."""

"""What all floors speak of: nodes, options, matching; how things are called and shown."""

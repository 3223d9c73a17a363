"""The engines: reading the jugfile, the graph, the status, the scheduler."""

"""The process beside a worker: its start, its end of the line, the memory that both share."""

"""A worker: decide, claim, run, commit."""

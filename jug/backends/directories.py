"""What the directories of a jugdir are called."""

LOCKS, TEMPORARY, PACKS, FAILURES = "locks", "tempfiles", "packs", "failures"
CORRUPT = "corrupt"  # damaged results that were set aside

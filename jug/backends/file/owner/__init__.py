"""Who holds locks, whether it is gone, and what becomes of them."""

"""Locks taken ahead, and the duties of the watchdog of a jugdir."""

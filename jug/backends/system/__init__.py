"""The operating system: files, processes, signals, and which errors pass."""

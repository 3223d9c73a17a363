"""The file server: what it holds now, and what of it would survive a power cut.

Until it is synced, any part of what was done may be lost, in any combination: the bytes of a file (by an fsync of the
file), and its names (by an fsync of the directory). A time stamp says in which `step` of the clock something happened.
"""

import errno

from memory_fs import MemoryFS


class Disk(MemoryFS):
    """A MemoryFS that forgets, whose clock moves with its calls, and which may have no room for a while."""

    def __init__(self, step_ns=1):
        super().__init__()
        self.step_ns = step_ns
        self.changes = {}  # of each directory, by number: what NFSv4 has instead of time stamps
        self.is_full = False
        self._synced = {}  # bytes of files, names of directories, by number
        self._pending = []  # changes of names since: [{(directory, name): node or None}], oldest first
        self._nodes = {0: self._root}

    def _changed(self, node):
        node.mtime_ns = self.stamp_now()
        self.changes[node.number] = self.changes.get(node.number, 0) + 1

    def stamp_now(self):
        return self.clock_ns // self.step_ns * self.step_ns

    def _enter(self, *changes):
        super()._enter(*changes)
        for _, _, node in changes:
            if node is not None:
                self._nodes[node.number] = node
        self._pending.append({(directory.number, name): node for directory, name, node in changes})

    def _add(self, path, directory):
        self._check_room()
        return super()._add(path, directory)

    def write(self, fd, data):
        self._check_room()
        return super().write(fd, data)

    def _check_room(self):
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")

    def fsync(self, fd):
        node = self._open[fd][0]
        if node.entries is None:
            self._synced[node.number] = node.data
            return
        for position, change in enumerate(self._pending):
            if any(directory == node.number for directory, _ in change):
                self._harden(position, change)
        self._pending = [change for change in self._pending if change]

    def _harden(self, position, change):
        """Make one change of names durable; what happened before to the same names is then of no importance."""
        for (directory, name), node in change.items():
            self._synced.setdefault(directory, {})[name] = node
            for earlier in self._pending[:position]:
                earlier.pop((directory, name), None)
        change.clear()

    def power_cut(self, chance):
        """Lose what was not synced, or some of it, as chance has it."""
        for position, change in enumerate(self._pending):
            if chance.random() < 0.5:
                self._harden(position, change)
        self._pending.clear()
        for node in self._nodes.values():
            node.links = 0
        for node in self._nodes.values():
            if node.entries is None:
                node.data = self._what_is_left(node, chance)
            else:
                names = self._synced.get(node.number, {})
                node.entries = {name: child for name, child in names.items() if child is not None}
                for child in node.entries.values():
                    child.links += 1

    def _what_is_left(self, node, chance):
        synced = self._synced.get(node.number, b"")
        if synced == node.data:
            return node.data
        half = len(node.data) // 2
        return chance.choice([synced, b"", node.data[:half], bytes(len(node.data)), node.data[:half] + bytes(half)])

    # For clients, which walk by themselves

    @property
    def root(self):
        return self._root

    def attributes(self, node):
        return self._stat(node)

    def opened(self, fd):
        return self._open[fd][0]

    def open_node(self, node):
        return self._handle(node)

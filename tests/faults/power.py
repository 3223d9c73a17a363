"""What of a directory would survive a power cut, by the trace of all calls since it was mounted.

The same rules as in the simulator's ``disk.py``. Until it is synced, any part of what was done may be lost, in any
combination: the bytes of a file, and its time stamp, by an fsync of the file; its names by an fsync of the directory.
"""

import os
from pathlib import Path

CHANGES = frozenset(
    ["create", "mkdir", "link", "unlink", "rmdir", "rename", "write", "truncate", "utime", "fsync", "fsyncdir"]
)


class Node:
    """A file, or a directory if it has `entries`: as it is seen, and as it is on disk."""

    __slots__ = ("data", "entries", "is_cut", "mtime", "synced", "synced_entries", "synced_mtime")

    def __init__(self, is_directory=False):
        self.entries = {} if is_directory else None
        self.synced_entries = {}
        self.data = bytearray()
        self.synced = b""
        self.is_cut = False  # since it was synced
        self.mtime = self.synced_mtime = None


class Disk:
    """Obeys the calls of a trace; :meth:`cut` writes what is left to a directory. `root` is what there was before."""

    def __init__(self, root):
        self._nodes = {}
        self._root = self._read(Path(root))
        self._pending = []  # changes of names that were not synced: [{(directory, name): node or None}], oldest first

    def _read(self, path):
        """What is there now is on disk."""
        found = path.stat()
        if found.st_ino in self._nodes:
            return self._nodes[found.st_ino]
        node = self._nodes[found.st_ino] = Node(path.is_dir())
        if node.entries is None:
            node.data[:] = node.synced = path.read_bytes()
            node.mtime = node.synced_mtime = found.st_mtime_ns
        else:
            node.entries = {child.name: self._read(child) for child in path.iterdir()}
            node.synced_entries = dict(node.entries)
        return node

    # What is done

    def do(self, call):
        """Obey a call, if it was done and is one of CHANGES."""
        if call.done and call.op in CHANGES:
            getattr(self, "_on_" + call.op)(call)

    def _enter(self, *changes):
        for directory, name, node in changes:
            if node is None:
                del directory.entries[name]
            else:
                directory.entries[name] = node
        self._pending.append({(directory, name): node for directory, name, node in changes})

    def _on_create(self, call, is_directory=False):
        self._nodes[call.node] = Node(is_directory)
        self._on_link(call)

    def _on_mkdir(self, call):
        self._on_create(call, is_directory=True)

    def _on_link(self, call):
        self._enter((self._nodes[call.directory], call.name, self._nodes[call.node]))

    def _on_unlink(self, call):
        self._enter((self._nodes[call.directory], call.name, None))

    _on_rmdir = _on_unlink

    def _on_rename(self, call):
        source, target = self._nodes[call.directory], self._nodes[call.directory2]
        node = source.entries[call.name]
        if target.entries.get(call.name2) is not node:  # else POSIX says that nothing happens
            self._enter((source, call.name, None), (target, call.name2, node))

    def _on_write(self, call):
        offset, _, text = call.detail.partition(":")
        data, new = self._nodes[call.node].data, bytes.fromhex(text)
        data.extend(bytes(max(0, int(offset) - len(data))))
        data[int(offset) : int(offset) + len(new)] = new

    def _on_truncate(self, call):
        node = self._nodes[call.node]
        data = node.data
        node.is_cut = node.is_cut or int(call.detail) < len(data)
        del data[int(call.detail) :]
        data.extend(bytes(int(call.detail) - len(data)))

    def _on_utime(self, call):
        self._nodes[call.node].mtime = int(call.detail)

    def _on_fsync(self, call):
        node = self._nodes[call.node]
        node.synced, node.synced_mtime, node.is_cut = bytes(node.data), node.mtime, False

    def _on_fsyncdir(self, call):
        node = self._nodes[call.node]
        for position, change in enumerate(self._pending):
            if any(directory is node for directory, _ in change):
                _harden(self._pending[:position], change)
        self._pending = [change for change in self._pending if change]

    # What is left

    def files(self, directory):
        """The files in a directory below the root, as they are seen: {name: bytes}."""
        found = self._root.entries.get(directory)
        return {name: bytes(node.data) for name, node in (found.entries if found else {}).items()}

    def cut(self, chance, where):
        """Write to the new directory `where` what is left when power is lost now; everything here stays as it is."""
        kept = [(node, dict(node.synced_entries)) for node in self._nodes.values() if node.entries is not None]
        luck = chance.choice([0, 0, 0.2, 0.5, 0.8, 1])  # the part of what was not synced that is on disk all the same
        pending = [dict(change) for change in self._pending]
        for position, change in enumerate(pending):
            if chance.random() < luck:
                _harden(pending[:position], change)
        self._write_out(self._root, Path(where), chance, {})
        for node, entries in kept:
            node.synced_entries = entries

    def _write_out(self, node, path, chance, written):
        if node in written:
            os.link(written[node], path)
        elif node.entries is None:
            path.write_bytes(_what_is_left(node, chance))
            mtime = chance.choice([node.mtime, node.synced_mtime])
            if mtime is not None:
                os.utime(path, ns=(mtime, mtime))
        else:
            path.mkdir()
            for name, child in sorted(node.synced_entries.items()):
                self._write_out(child, path / name, chance, written)
        written.setdefault(node, path)


def _harden(before, change):
    """Make one change of names durable; what happened `before` to the same names is then of no importance."""
    for (directory, name), node in change.items():
        if node is None:
            directory.synced_entries.pop(name, None)
        else:
            directory.synced_entries[name] = node
        for earlier in before:
            earlier.pop((directory, name), None)
    change.clear()


def _what_is_left(node, chance):
    """The bytes of a file: what was synced and not changed since stays, whatever becomes of the rest."""
    old, new = node.synced, bytes(node.data)
    if old == new:
        return old
    same = (
        0
        if node.is_cut
        else next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    )
    rest = new[same:]
    half = len(rest) // 2
    left = new[:same] + chance.choice([old[same:], b"", rest[:half], bytes(len(rest)), rest[:half] + bytes(half), rest])
    return left if node.is_cut else left + old[len(left) :]

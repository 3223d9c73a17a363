"""A file system that exists only in memory, to show that the store reaches files through its FileSystem alone."""

import errno
import io
import os
import stat

from jug.backends.system.signals import Deaf


class Node:
    def __init__(self, number, directory=False):
        self.number = number
        self.entries = {} if directory else None
        self.data = b""
        self.mtime_ns = 0
        self.links = 0


class NoWatchdog:
    """For worlds in which nobody lives for long."""

    mirror = None

    def is_alive(self):
        return True

    def tell(self, message):
        return False

    def end(self, well):
        pass


class MemoryFS:
    """As much of FileSystem as the store needs; its clock moves one nanosecond per change, or as `tick` says."""

    def __init__(self):
        self._numbers = 1
        self._root = Node(0, directory=True)
        self._open = {}
        self.clock_ns = 10**18
        self.tick = 1

    def _walk(self, path):
        node = self._root
        for part in path.split("/")[1:]:
            if part:
                node = self._child(node, part, path)
        return node

    def _child(self, node, part, path):
        if node.entries is None:
            raise OSError(errno.ENOTDIR, "Not a directory", path)
        if part not in node.entries:
            raise OSError(errno.ENOENT, "No such file or directory", path)
        return node.entries[part]

    def _parent(self, path):
        above, _, name = path.rpartition("/")
        node = self._walk(above)
        if node.entries is None:
            raise OSError(errno.ENOTDIR, "Not a directory", path)
        return node, name

    def _changed(self, node):
        self.clock_ns += self.tick
        node.mtime_ns = self.clock_ns

    def _enter(self, *changes):
        """Each change is (directory, name, the node or None): all names change in one step."""
        for directory, name, node in changes:
            old = directory.entries.pop(name, None)
            if old is not None:
                old.links -= 1
            if node is not None:
                directory.entries[name] = node
                node.links += 1
            self._changed(directory)

    def _add(self, path, directory):
        parent, name = self._parent(path)
        if name in parent.entries:
            raise OSError(errno.EEXIST, "File exists", path)
        self._numbers += 1
        node = Node(self._numbers, directory)
        self._enter((parent, name, node))
        node.mtime_ns = parent.mtime_ns
        return node

    def _handle(self, node):
        fd = len(self._open) + 1000
        self._open[fd] = [node, 0]
        return fd

    def open_excl(self, path):
        return self._handle(self._add(path, directory=False))

    def open_change(self, path):
        return self.open_read(path)

    def open_read(self, path):
        return self._handle(self._walk(path))

    def open_dir(self, path, follow=True):
        node = self._walk(path)
        if node.entries is None:
            raise OSError(errno.ENOTDIR, "Not a directory", path)
        return self._handle(node)

    def read(self, fd, size):
        node, at = self._open[fd]
        self._open[fd][1] += size
        return node.data[at : at + size]

    def pread(self, fd, size, at):
        return self._open[fd][0].data[at : at + size]

    def write(self, fd, data):
        node = self._open[fd][0]
        piece = bytes(data[:1000])
        node.data += piece
        self._changed(node)
        return len(piece)

    def pwrite(self, fd, data, at):
        node = self._open[fd][0]
        node.data = node.data[:at].ljust(at, b"\0") + data + node.data[at + len(data) :]
        self._changed(node)
        return len(data)

    def stream(self, fd):
        return io.BytesIO(self._open[fd][0].data)

    def fstat(self, fd):
        return self._stat(self._open[fd][0])

    def fsync(self, fd):
        assert self._open[fd]

    def write_back(self, fd, at, size):
        pass

    def close(self, fd):
        assert self._open[fd]
        self._open[fd] = None

    def stat(self, path):
        return self._stat(self._walk(path))

    def _stat(self, node):
        mode = stat.S_IFREG if node.entries is None else stat.S_IFDIR
        seconds = node.mtime_ns // 10**9
        basic = (mode, node.number, 1, node.links, 0, 0, len(node.data), seconds, seconds, seconds)
        return os.stat_result(basic, {"st_mtime": node.mtime_ns / 1e9, "st_mtime_ns": node.mtime_ns})

    def is_link(self, path):
        return False

    def listdir(self, path):
        node = self._walk(path)
        if node.entries is None:
            raise OSError(errno.ENOTDIR, "Not a directory", path)
        return list(node.entries)

    def links(self, path):
        return dict.fromkeys(self.listdir(path), False)

    def inodes(self, path):
        node = self._walk(path)
        return {name: child.number for name, child in node.entries.items()}

    def rename(self, source, target):
        origin, old = self._parent(source)
        node = self._child(origin, old, source)
        destination, new = self._parent(target)
        if destination.entries.get(new) is not node:  # two names of one file: nothing happens
            self._enter((origin, old, None), (destination, new, node))

    def link(self, source, target):
        node = self._walk(source)
        parent, name = self._parent(target)
        if name in parent.entries:
            raise OSError(errno.EEXIST, "File exists", target)
        self._enter((parent, name, node))

    def unlink(self, path):
        parent, name = self._parent(path)
        self._child(parent, name, path)
        self._enter((parent, name, None))

    def mkdir(self, path):
        self._add(path, directory=True)

    def rmdir(self, path):
        if self._walk(path).entries:
            raise OSError(errno.ENOTEMPTY, "Directory not empty", path)
        self.unlink(path)

    def utime(self, fd, seconds):
        node = self._open[fd][0]
        if seconds is None:
            self._changed(node)
        else:
            node.mtime_ns = int(seconds * 1e9)

    def abspath(self, path):
        return "/" + str(path).strip("/")

    def now(self):
        return self.clock_ns / 1e9

    def monotonic(self):
        return self.clock_ns / 1e9

    def stamp_now(self):
        return self.clock_ns

    def sleep(self, seconds):
        self.clock_ns += int(seconds * 1e9)

    def ear(self):
        return Deaf(self.sleep)

    def pid(self):
        return 42

    def process(self, pid):
        return "1", False

    def boot(self):
        return "this boot"

    def machine(self):
        return "this machine"

    def namespace(self):
        return "pid:[4026531836]"

    def user(self):
        return "me"

    def kind(self, path):
        return "tmpfs"

    def elapsed(self):
        return self.monotonic()

    def start_watchdog(self, charge):
        return NoWatchdog()

    def host(self):
        return "memory"

    def token(self):
        self._numbers += 1
        return f"{self._numbers:016x}"


def on(fs):
    """What a file store is given to work on the file system `fs`, with the watchdog that goes with it."""
    return {"fs": fs, "start_watchdog": fs.start_watchdog}

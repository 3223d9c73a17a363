"""What one machine believes of the files on a server: nothing of its own, or what an NFS client keeps.

As measured with real kernels: a name that was looked up (found or missing) is believed until the attributes of its
directory are asked for again, which opening the directory does, and time, after half a minute. What was deleted may
still be seen by `stat` for seconds, but cannot be opened. Calls that change names go to the server, always.
"""

import errno

NAMES_NS = 30 * 10**9
ATTRIBUTES_NS = 3 * 10**9


class Machine:
    """A machine with the disk inside: it knows everything at once."""

    def __init__(self, disk, name, offset=0.0):
        self.disk = disk
        self.name = name
        self.offset = offset  # of its clock, in seconds
        self.kind = "ext4"

    def call(self, name, *args):
        return getattr(self.disk, name)(*args)


class NfsClient(Machine):
    """A client with the caches of Linux. With `version` 3 it sees changes by time stamps, with 4 by a counter."""

    def __init__(self, disk, name, offset=0.0, version=4):
        super().__init__(disk, name, offset)
        self.version = version
        self.kind = "nfs4" if version == 4 else "nfs"
        self._names = {}  # of each directory, by number: {name: node or None}
        self._stamps = {}  # of each directory, by number: (stamp, when)
        self._attributes = {}  # of each file, by number: (attributes, when)
        self._lists = {}  # of each directory, by number: (stamp, names)

    def call(self, name, *args):
        return getattr(self, "_" + name, getattr(self.disk, name))(*args)

    # What is believed

    def _stamp(self, directory):
        if self.version == 4:
            return self.disk.changes.get(directory.number, 0)
        return directory.mtime_ns

    def _refresh(self, directory):
        """Ask for the attributes of the directory; if it has changed, forget what was known of its names."""
        stamp, known = self._stamp(directory), self._stamps.get(directory.number, (None, 0))[0]
        if stamp != known:
            self._names.pop(directory.number, None)
        self._stamps[directory.number] = stamp, self.disk.clock_ns

    def _child(self, directory, name, path):
        if directory.entries is None:
            raise OSError(errno.ENOTDIR, "Not a directory", path)
        when = self._stamps.get(directory.number, (None, -NAMES_NS))[1]
        if self.disk.clock_ns - when >= NAMES_NS:
            self._refresh(directory)
        names = self._names.setdefault(directory.number, {})
        if name not in names:
            names[name] = directory.entries.get(name)
        if names[name] is None:
            raise OSError(errno.ENOENT, "No such file or directory", path)
        return names[name]

    def _walk(self, path):
        node = self.disk.root
        for part in filter(None, path.split("/")):
            node = self._child(node, part, path)
        return node

    def _forget(self, path):
        directory, name = self._parent(path)
        self._names.get(directory.number, {}).pop(name, None)

    def _parent(self, path):
        above, _, name = path.rpartition("/")
        return self._walk(above), name

    def _live(self, path):
        """The node that the server knows by this name: a handle of a deleted file makes the client ask again."""
        node = self._walk(path)
        if node.links or node is self.disk.root:
            return node
        self._forget(path)
        return self._walk(path)

    # What only looks

    def _open_read(self, path):
        node = self._live(path)
        self._attributes[node.number] = self.disk.attributes(node), self.disk.clock_ns
        return self.disk.open_node(node)

    def _open_change(self, path):
        return self._open_read(path)

    def _open_dir(self, path, follow=True):
        node = self._live(path)
        if node.entries is None:
            raise OSError(errno.ENOTDIR, "Not a directory", path)
        self._refresh(node)
        return self.disk.open_node(node)

    def _stat(self, path):
        node = self._walk(path)
        found, when = self._attributes.get(node.number, (None, 0))
        if found is None or self.disk.clock_ns - when >= ATTRIBUTES_NS:
            node = self._live(path)
            found = self.disk.attributes(node)
            self._attributes[node.number] = found, self.disk.clock_ns
        return found

    def _listdir(self, path):
        node = self._live(path)
        if node.entries is None:
            raise OSError(errno.ENOTDIR, "Not a directory", path)
        self._refresh(node)
        stamp = self._stamp(node)
        if self._lists.get(node.number, (None, ()))[0] != stamp:
            self._lists[node.number] = stamp, list(node.entries)
        return list(self._lists[node.number][1])

    def _links(self, path):
        return dict.fromkeys(self._listdir(path), False)

    # What changes names

    def _change(self, call, path, *others):
        """Do it at the server, and know what became of the names; what failed is no longer believed."""
        directories = [self._parent(each)[0] for each in (path, *others)]
        before = [self._stamp(directory) for directory in directories]
        try:
            return getattr(self.disk, call)(path, *others)
        finally:
            for each, directory, stamp in zip((path, *others), directories, before, strict=True):
                if self._stamps.get(directory.number, (None, 0))[0] == stamp:  # nobody else has changed it meanwhile
                    self._stamps[directory.number] = self._stamp(directory), self.disk.clock_ns
                self._forget(each)

    def _open_excl(self, path):
        return self._change("open_excl", path)

    def _mkdir(self, path):
        return self._change("mkdir", path)

    def _rmdir(self, path):
        return self._change("rmdir", path)

    def _unlink(self, path):
        self._walk(path)
        return self._change("unlink", path)

    def _link(self, source, target):
        self._walk(source)
        return self._change("link", source, target)

    def _rename(self, source, target):
        self._walk(source)
        return self._change("rename", source, target)

    def _utime(self, fd, seconds):
        self._attributes.pop(self.disk.opened(fd).number, None)
        return self.disk.utime(fd, seconds)

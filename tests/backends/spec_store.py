"""A store as a third party writes one: what the documentation asks for, and nothing of jug's."""

import os
import pickle
from pathlib import Path


def _text(name):
    return name.decode() if isinstance(name, bytes) else name


class SpecStore:
    """Results and locks in a directory, so that several processes can use it."""

    def __init__(self, where):
        self.where = Path(where)
        self.calls = []

    def create(self):
        self.where.mkdir(parents=True, exist_ok=True)

    def dump(self, object, name):
        self.create()
        new = self.where / f"{_text(name)}.{os.getpid()}"
        new.write_bytes(pickle.dumps(object))
        new.rename(self.where / f"{_text(name)}.result")

    def load(self, name):
        return pickle.loads((self.where / f"{_text(name)}.result").read_bytes())

    def can_load(self, name):
        return (self.where / f"{_text(name)}.result").exists()

    def list(self):
        for path in self.where.glob("*.result"):
            yield path.stem  # a str, where jug's own stores have bytes

    def listlocks(self):
        for path in self.where.glob("*.lock"):
            yield path.stem.encode()

    def remove(self, name):
        self.calls.append("remove")
        try:
            (self.where / f"{_text(name)}.result").unlink()
        except FileNotFoundError:
            return False
        return True

    def remove_many(self, names):
        self.calls.append("remove_many")
        return {name for name in names if self.remove(name)}

    def cleanup(self, active, keeplocks=False):
        self.calls.append("cleanup")
        keep = {_text(task.hash()) for task in active}
        if not keeplocks:
            self.remove_locks()
        return len(self.remove_many([name for name in self.list() if name not in keep]))

    def remove_locks(self):
        locks = list(self.listlocks())
        for name in locks:
            (self.where / f"{_text(name)}.lock").unlink()
        return len(locks)

    def getlock(self, name):
        return SpecLock(self.where / f"{_text(name)}.lock")

    def close(self):
        self.calls.append("close")

    def metadata(self, task):
        return {"computed": self.can_load(task.hash())}

    @staticmethod
    def remove_store(jugdir):
        raise NotImplementedError


class SpecLock:
    def __init__(self, path):
        self.path = path

    def get(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.path.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def release(self):
        self.path.unlink(missing_ok=True)

    def is_locked(self):
        return self.path.exists()

    def fail(self):
        if not self.path.exists():
            return False
        self.path.write_text("failed")
        return True

    def is_failed(self):
        return self.path.exists() and self.path.read_text() == "failed"


def open_store(uri):
    """What an entry point names."""
    return SpecStore(uri.partition("//")[2])

"""What a worker says of results that wait and that another was computed from."""

from jug.backends.inputs import Inputs


class Needs(Inputs):
    """The results `names` of `store`."""

    names = ()

    def __init__(self, store, names):
        self.store, self.names = store, names

    def settle(self):
        return set(self.names).isdisjoint(self.store.flush())

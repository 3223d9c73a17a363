"""What is in a pack, above all in one that an old release wrote: objects, which are made for those who ask for them."""

import array
import collections
import copyreg
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import re
import types
import uuid
import zlib

import pytest

from jug.backends.encode import decode, encode
from jug.backends.file.pack.pack_format import Packed, packed, read_pack, write_pack

X, Y = b"a" * 40, b"b" * 40


class Plain:
    """Equal to what has the same attributes, items and pairs."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def __eq__(self, other):
        return type(other) is type(self) and other.__dict__ == self.__dict__ and parts(other) == parts(self)

    __hash__ = object.__hash__

    class Inner:
        def method(self):
            return 1


def parts(thing):
    if isinstance(thing, dict):
        return list(thing.items())
    return list(thing) if isinstance(thing, list) else None


class OwnList(Plain, list):
    pass


class OwnDict(Plain, dict):
    pass


class OwnInt(int):
    pass


class WithNewArguments(Plain):
    def __init__(self, a, *, b):
        pass

    def __new__(cls, a, *, b):
        made = super().__new__(cls)
        made.made_with = a, b
        return made

    def __getnewargs_ex__(self):
        return (self.made_with[0],), {"b": self.made_with[1]}


class FalseState(Plain):
    def __getstate__(self):
        return False

    def __setstate__(self, state):
        self.state = state


class Slots:
    __slots__ = ("a",)

    def __eq__(self, other):
        return self.a == other.a


class StateSetter(Plain):
    """Its pickle calls a function for what that does to an object, not for what it returns."""

    def __reduce__(self):
        return StateSetter, (), self.__dict__, None, None, set_state


def set_state(thing, state):
    thing.__dict__.update(state, set=True)


class MadeByMethod(Plain):
    """Its pickle calls what another call has given."""

    def __reduce__(self):
        return Maker().make, (self.__dict__,)


class Maker(Plain):
    def make(self, attributes):
        return MadeByMethod(**attributes)


class Colour(enum.Enum):
    RED = 1


Point = collections.namedtuple("Point", "x y")


def with_items(thing, items):
    thing.extend(items) if isinstance(thing, list) else thing.update(items)
    return thing


def slots(value):
    made = Slots()
    made.a = value
    return made


SHARED = [1]
OBJECTS = {
    "plain": [None, True, 1, 10**30, 1.5, "ä", b"x" * 300, (1, [2, {"a": {3}}]), frozenset([1]), bytearray(b"a")],
    "own": Plain(a=1, b=Plain()),
    "own list": with_items(OwnList(a=1), [Plain(b=2), 3]),
    "own dict": with_items(OwnDict(a=1), {"k": Plain(b=2), 2: 3}),
    "new arguments": OwnInt(5),
    "named new arguments": WithNewArguments(1, b=Plain(c=3)),
    "false state": FalseState(),
    "slots": slots(3),
    "made by a method": [MadeByMethod(a=1), MadeByMethod(b=[MadeByMethod()])],
    "enum": {Colour.RED: Point(1, Point(2, 3))},
    "classes": [Plain, Plain.Inner, len, int, type(None), collections.OrderedDict],
    "calls": [complex(1, 2), range(3), slice(1, 2), Ellipsis, functools.partial(max, 1, key=abs)],
    "containers": [
        collections.OrderedDict(a=1),
        collections.defaultdict(list, {1: [2]}),
        collections.Counter("aab"),
        collections.deque([1, 2], maxlen=3),
        array.array("d", [1.5]),
        types.SimpleNamespace(a=1),
    ],
    "values": [
        datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
        datetime.timedelta(1),
        decimal.Decimal("1.10"),
        fractions.Fraction(1, 3),
        uuid.UUID(int=1),
        pathlib.PurePosixPath("/a"),
        re.compile("a+"),
    ],
    "keys": {Point(1, 2): {Colour.RED, Point(3, 4)}, frozenset([Point(1, 2)]): 1},
}


def as_read(*objects):
    """Objects that an old release packed, as they are read from its pack, in the order of the alphabet."""
    names = [b"%040x" % number for number in range(len(objects))]
    entries = read_pack(encode(dict(zip(names, objects, strict=True))))
    again = read_pack(write_pack(entries))
    assert all(type(entry) is Packed for entry in again.values())
    return [[decode(packed(found[name])) for name in names] for found in (entries, again)]


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_in_an_old_pack_comes_back_as_it_was(kind):
    expected = decode(encode(OBJECTS[kind]))
    for (found,) in as_read(OBJECTS[kind]):
        assert repr(found) == repr(expected) if kind == "calls" else found == expected


def test_an_exception_in_an_old_pack_comes_back_as_it_was():
    error = OSError(2, "why", "path")
    error.more = [1]
    for (found,) in as_read(error):
        assert (type(found), found.args, found.filename, found.more) == (FileNotFoundError, (2, "why"), "path", [1])


def test_what_objects_share_inside_an_entry_they_still_share_and_entries_share_nothing():
    round_and_round = Plain(shared=SHARED)
    round_and_round.itself = (round_and_round, [round_and_round])
    for first, second, ring in as_read([SHARED, SHARED], SHARED, round_and_round):
        assert first[0] is first[1] is not second
        assert ring.itself[0] is ring and ring.itself[1][0] is ring and ring.shared == [1]


def test_arrays_and_their_scalars_in_an_old_pack_come_back_as_they_were():
    np = pytest.importorskip("numpy")
    objects = [np.arange(3), np.float64(2.5), np.dtype("i4"), np.array([1, "a"], dtype=object), np.array("2020", "M8")]
    for found in as_read(*objects):
        assert [(type(thing), getattr(thing, "dtype", None), repr(thing)) for thing in found] == [
            (type(thing), getattr(thing, "dtype", None), repr(thing)) for thing in objects
        ]


def test_models_in_an_old_pack_come_back_as_they_were():
    linear_model = pytest.importorskip("sklearn.linear_model")
    model = linear_model.LinearRegression().fit([[0], [1]], [1, 3])
    for (found,) in as_read(model):
        assert found.predict([[2]]) == pytest.approx([5])


def test_a_function_that_changes_an_object_is_called_as_ever():
    for (found,) in as_read(StateSetter(a=1)):
        assert found.__dict__ == {"a": 1, "set": True}


@pytest.mark.parametrize("call", [b"cos\nmkdir\n\x8c\x07snapped\x85R0", b"cbuiltins\nprint\n]\x85R0", b"]\x8c\x01ab0"])
def test_a_call_that_is_part_of_no_object_is_never_made_and_the_pack_is_a_damaged_one(call, tmp_path, monkeypatch):
    """Old releases would make it as soon as they look into the pack."""
    monkeypatch.chdir(tmp_path)
    payload = b"P\x80\x04}C\x28" + X + b"K\x05s" + call + b"."
    with pytest.raises(Exception, match=r".*"):
        read_pack(zlib.compress(payload))
    assert not (tmp_path / "snapped").exists()


armed = []


def snap(*args):
    if armed:
        raise RuntimeError("snapped")
    return Trapped(*args)


class Trapped:
    """Raises as soon as it is made, or filled."""

    def __new__(cls, *args):
        if "new" in armed:
            raise RuntimeError("snapped")
        return super().__new__(cls)

    def __init__(self, how):
        self.how = how

    def __reduce__(self):
        if self.how == "call":
            return snap, (self.how,)
        return copyreg.__newobj__, (Trapped, self.how), self.__dict__

    def __setstate__(self, state):
        if "state" in armed:
            raise RuntimeError("snapped")
        self.__dict__.update(state)


@pytest.mark.parametrize("how", ["call", "new", "state"])
def test_an_object_that_cannot_be_made_costs_only_those_who_ask_for_it(how, monkeypatch):
    old_pack = encode({X: [Trapped(how)], Y: "fine"})
    monkeypatch.setitem(globals(), "armed", [how])
    with pytest.raises(RuntimeError, match="snapped"):
        decode(old_pack)
    entries = read_pack(old_pack)
    again = read_pack(write_pack(entries))
    for found in (entries, again):
        assert decode(packed(found[Y])) == "fine"
        with pytest.raises(RuntimeError, match="snapped"):
            decode(packed(found[X]))
    armed.clear()
    assert decode(packed(again[X]))[0].how == how

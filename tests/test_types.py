"""What an editor or a type checker knows of a jugfile, asked of mypy."""

import re

import pytest

api = pytest.importorskip("mypy.api", reason="what a type checker knows is asked of mypy, which is not installed")

SNIPPET = """
from jug import CachedFunction, CompoundTaskGenerator, Task, TaskGenerator, Tasklet, bvalue, value
from jug.utils import identity


@TaskGenerator
def is_prime(n: int, sure: bool = True) -> bool:
    return True


def double(x: int) -> float:
    return 2.0 * x


@TaskGenerator
def double_all(one: float, other: int, xs: list[float], more: dict[str, float]) -> list[float]:
    return xs


@CompoundTaskGenerator
def compound(x: int) -> Task[bool]:
    return is_prime(x)


reveal_type(is_prime(2))
reveal_type(value(is_prime(2)))
reveal_type(value([is_prime(2), is_prime(3)]))
reveal_type(bvalue(is_prime(2)))
reveal_type(is_prime(2).value())
reveal_type(is_prime.f(2))
reveal_type(Task(double, 3).run())
reveal_type(CachedFunction(double, 3))
reveal_type(value(compound(5)))
reveal_type(value(identity("text")))
reveal_type(value(Tasklet(is_prime(2), double)))
reveal_type(value(is_prime(2), missing=None))
reveal_type(value([is_prime(2)], missing="?"))
double_all(double(4), is_prime(2)[0], [TaskGenerator(double)(1)], more={"a": TaskGenerator(double)(2)})
is_prime("seven")
is_prime(7, shure=True)
CachedFunction(double, "three")
"""
REVEALED = [
    "jug.task.Task[bool]",
    "bool",
    "list[bool]",
    "bool",
    "bool",
    "bool",
    "float",
    "float",
    "bool",
    "str",
    "float",
    "bool | None",
    "list[bool | str]",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("types")
    (folder / "jugfile.py").write_text(SNIPPET)
    out, err, _ = api.run([str(folder / "jugfile.py"), "--strict", "--cache-dir", str(folder / "cache"), "--no-color"])
    assert not err
    return out


def test_tasks_and_values_have_the_types_of_their_functions(report):
    assert [found.replace("builtins.", "") for found in re.findall(r'Revealed type is "(.*)"', report)] == REVEALED


def test_wrong_arguments_are_found_and_tasks_in_their_place_are_none(report):
    errors = re.findall(r"error: (.*)", report)
    assert len(errors) == 3, report
    assert 'has incompatible type "str"; expected "int"' in errors[0]
    assert 'Unexpected keyword argument "shure"' in errors[1]
    assert 'has incompatible type "str"; expected "int"' in errors[2]

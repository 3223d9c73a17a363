import pytest

from jug.hooks import jug_hook, register_hook, register_hook_once, reset_all_hooks
from jug.hooks.registry import HOOK_NAMES

LOADABLE = "execute.task-loadable"


@pytest.fixture(autouse=True)
def clean_hooks():
    reset_all_hooks()
    yield
    reset_all_hooks()


def test_registered_functions_are_called_in_order_with_the_arguments():
    register_hook(LOADABLE, lambda task, extra=0: ("first", task, extra))
    register_hook(LOADABLE, lambda task, extra=0: ("second", task, extra))
    assert jug_hook(LOADABLE, (5,), {"extra": 1}) == [("first", 5, 1), ("second", 5, 1)]


def test_a_hook_that_nobody_uses_returns_nothing():
    assert jug_hook("execute.finished_pre_status") == []


def test_register_hook_is_a_decorator_that_keeps_the_function():
    @register_hook("execute.finished_pre_status")
    def finished():
        return 7

    assert finished() == 7
    assert jug_hook("execute.finished_pre_status") == [7]


def test_register_hook_once_looks_at_name_and_code():
    for code in ("a", "a", "b"):
        register_hook_once(LOADABLE, code, lambda task: task)
    register_hook_once("execute.task-executed1", "a", lambda task: task)
    assert jug_hook(LOADABLE, (1,)) == [1, 1]
    assert jug_hook("execute.task-executed1", (1,)) == [1]


def test_reset_forgets_functions_and_codes():
    register_hook_once(LOADABLE, "a", lambda task: task)
    reset_all_hooks()
    assert jug_hook(LOADABLE, (1,)) == []
    register_hook_once(LOADABLE, "a", lambda task: task)
    assert jug_hook(LOADABLE, (1,)) == [1]


@pytest.mark.parametrize(
    "call",
    [
        lambda: register_hook("nope", print),
        lambda: register_hook("nope"),
        lambda: register_hook_once("nope", "code", print),
        lambda: jug_hook("nope"),
    ],
)
def test_an_unknown_hook_is_named_with_the_known_ones(call):
    with pytest.raises(ValueError, match="'nope'") as error:
        call()
    assert all(name in str(error.value) for name in HOOK_NAMES)

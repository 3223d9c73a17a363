"""Functions that the user's code asks to be called while tasks are executed."""

from jug.words.lazy_modules import of_hooks as __getattr__  # noqa: F401

from .registry import early, jug_hook, needs_result, register_hook, register_hook_once, reset_all_hooks

__all__ = ["early", "jug_hook", "needs_result", "register_hook", "register_hook_once", "reset_all_hooks"]

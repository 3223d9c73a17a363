"""Functions that the user's code asks to be called while tasks are executed."""

from .registry import jug_hook, register_hook, register_hook_once, reset_all_hooks

__all__ = ["jug_hook", "register_hook", "register_hook_once", "reset_all_hooks"]

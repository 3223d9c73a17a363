"""Where Jug 2.7 has what is in :mod:`jug.hooks`."""

from .registry import jug_hook, register_hook, register_hook_once, reset_all_hooks

__all__ = ["jug_hook", "register_hook", "register_hook_once", "reset_all_hooks"]

"""Text of others for a terminal: nothing in it moves the cursor, changes colours, or makes a line look like another.

What other processes, users and machines have written (hosts, users, failures, names of files, answers of servers) may
hold anything: sequences that clear the screen or write lines that look like ours, characters that turn the direction
of writing, halves of characters that cannot be written at all.
"""

from __future__ import annotations

# Control characters but tabs and ends of lines; marks and changes of direction; other ends of lines; halves.
_UNSAFE = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"


def plain(text: str) -> str:
    """`text` with each character that is more than a sign on the screen as its escape, such as ``\\x1b``.

    Tabs and ends of lines stay.
    """
    # (Most text is looked at by this alone, which is quick: there may be thousands of tracebacks.)
    return text if text.replace("\n", "").replace("\t", "").isprintable() else _escaped(text, _UNSAFE)


def plain_line(text: str) -> str:
    """The same, of which one line is to be made: tabs and ends of lines are escaped, too."""
    return text if text.isprintable() else _escaped(text, "\t\n" + _UNSAFE)


def _escaped(text: str, unsafe: str) -> str:
    import re

    return re.sub(f"[{unsafe}]", lambda found: found[0].encode("unicode_escape").decode("ascii"), text)

"""``jug install-skills``: a description of jug for coding assistants, in the folder where they look for such.

The files are those of ``jug/skill``, by name: what else comes to lie beside them (compiled modules) stays there.
"""

from __future__ import annotations

import os

from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.errors import UsageError
from jug.words.config import Option, expand_home, tell
from jug.words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.words.config import Options

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "skill")
NAME = "jug"
FOLDERS = ("agents", "examples", "references")
FILES = (
    "SKILL.md",
    "agents/openai.yaml",
    "examples/pipeline_jugfile.py",
    "examples/simple_jugfile.py",
    "references/cli-reference.md",
    "references/common-patterns.md",
    "references/troubleshooting.md",
)


class InstallSkillsCommand(SubCommand):
    """Write a description of jug for coding assistants into a folder

    The folder --output gets a folder ``jug`` with a SKILL.md and what that names.
    """

    name = "install-skills"
    options = (
        Option("output", None, "The folder to write to; it is made if it is not there", "DIR", path="/"),
        Option("force", False, "Write over DIR/jug if it exists; files in it that are not jug's stay"),
    )
    needs_jugfile = False
    needs_store = False

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        output = options.install_skills_output
        if not output:
            given = vars(options).get("jugfile") or "DIR"  # on the command line
            raise UsageError(f"The folder to write to is needed: 'jug install-skills --output {given}'")
        place = os.path.join(expand_home(output), NAME)
        install(place, options.install_skills_force)
        tell(options, f"Wrote {number_of(len(FILES), 'file')} to {place!r}")
        return 0


def install(place: str, force: bool = False) -> None:
    """Make the folder `place`, whole or not at all; with `force`, replace what is in its way, and follow no link.

    Raises
    ------
    UsageError
        It exists, and is not to be replaced; or it cannot be written.
    """
    if os.path.lexists(place):
        _refuse_to_replace(place, force)
    contents = _contents()
    output = os.path.dirname(place)
    try:
        os.makedirs(output, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder {output!r} cannot be made: {error.strerror}") from error
    try:
        _write(place, contents, force)
    except OSError as error:
        raise UsageError(f"{place!r} cannot be written: {error.strerror}") from error


def _write(place: str, contents: Mapping[str, bytes], force: bool) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix=".jug-skill-", dir=os.path.dirname(place)) as temporary:
        made = os.path.join(temporary, NAME)
        for folder in ("", *FOLDERS):
            os.mkdir(os.path.join(made, folder))
        for name, content in contents.items():
            with open(os.path.join(made, name), "xb") as stream:
                stream.write(content)
        if not (force and _is_folder(place)):
            if force:
                _make_way(place)
            os.rename(made, place)  # which fails if somebody else has made it by now
            return
        for folder in FOLDERS:
            _replace_by_folder(os.path.join(place, folder))
        for name in contents:
            os.replace(os.path.join(made, name), os.path.join(place, name))


def _contents() -> dict[str, bytes]:
    contents = {}
    for name in FILES:
        try:
            with open(os.path.join(SOURCE, name), "rb") as stream:
                contents[name] = stream.read()
        except OSError as error:
            raise UsageError(f"the installation of jug is damaged: {error.filename!r}: {error.strerror}") from error
    return contents


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _refuse_to_replace(place: str, force: bool) -> None:
    if not force:
        raise UsageError(f"{place!r} exists already: nothing was written (--force writes over it)")
    for name in FILES:
        path = os.path.join(place, name)
        if _is_folder(path):
            raise UsageError(f"{path!r} is a folder, where a file is to be: nothing was written")


def _replace_by_folder(path: str) -> None:
    if not _is_folder(path):
        _make_way(path)
        os.mkdir(path)


def _make_way(path: str) -> None:
    """Remove a file or a link (never what it leads to)."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


__getattr__ = as_in_old_releases("jug.subcommands.install_skills", "install-skills")

"""Configuration files: which ones apply in a directory, and the values in them.

They are INI files without interpolation (they hold ``%(jugfile)s``). A file or value that cannot be used is a
:class:`~jug.errors.ConfigError` that names the file, the section, the option and the value.
"""

from __future__ import annotations

import os

from jug.errors import ConfigError

from .config import Option, Options, attribute_name, warn
from .permissions import why_not_to_obey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TextIO

GLOBAL_FILES = ("~/.config/jug/jugrc", "~/.config/jugrc", "~/.jug/configrc")
LOCAL_NAMES = (".jugrc", "jugrc")

# What was warned of, once.
_told: set[str] = set()


class Setting:
    """One line of a configuration file and where it stood."""

    def __init__(self, origin: str, section: str, key: str, text: str) -> None:
        self.origin = origin
        self.section = section
        self.key = key
        self.text = text

    def cast(self, cast: Callable[[str], Any]) -> Any:
        try:
            return cast(self.text)
        except ValueError as error:
            raise ConfigError(f"{self.origin}: [{self.section}] {self.key} = {self.text}: {error}") from None


def global_file() -> str | None:
    """The configuration of the person: the first of GLOBAL_FILES that exists."""
    candidates = (os.path.expanduser(name) for name in GLOBAL_FILES)
    return next((name for name in candidates if os.path.isfile(name)), None)


def find_local_configuration_files(start: str | None = None) -> list[str]:
    """Files of the project, the closest first: up to the root of the git checkout (none: only here)."""
    directory = start = os.path.abspath(start or os.getcwd())
    directories = [start]
    while not os.path.exists(os.path.join(directory, ".git")):
        parent = os.path.dirname(directory)
        if parent == directory:
            directories = [start]
            break
        directories.append(parent)
        directory = parent
    candidates = (os.path.join(place, name) for place in directories for name in LOCAL_NAMES)
    return [name for name in candidates if os.path.isfile(name)]


def read_settings(file: TextIO, origin: str) -> list[Setting]:
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_file(file, source=origin)
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{origin} is not a configuration file: {' '.join(str(error).split())}") from None
    return [Setting(origin, section, key, text) for section in parser.sections() for key, text in parser.items(section)]


def read_settings_files(names: Iterable[str]) -> list[Setting]:
    """The settings of all ``names``, in their order."""
    settings: list[Setting] = []
    for name in names:
        try:
            with open(name, encoding="utf-8-sig") as file:
                settings += read_settings(file, name)
        except OSError as error:
            raise ConfigError(f"{name} cannot be read: {error.strerror}") from None
    return settings


def configured_settings() -> list[Setting]:
    """All settings that apply in this directory, the most important last."""
    names = [name for name in find_local_configuration_files() if _is_trusted(name)]
    personal = global_file()
    if personal is not None:
        names.append(personal)
    return read_settings_files(reversed(names))


def configured(name: str) -> str:
    """The text of a common option in the files that apply in this directory; '' if there is none."""
    found = [s.text for s in configured_settings() if s.section == "main" and s.key.replace("-", "_") == name]
    return found[-1] if found else ""


def _is_trusted(name: str) -> bool:
    reason = why_not_to_obey(name, os.getcwd())
    if reason and name not in _told:
        _told.add(name)
        warn(f"{name} is not obeyed: {reason}")
    return not reason


def cast_settings(
    settings: Iterable[Setting], declared: Mapping[str, tuple[str, Sequence[Option]]], known: Options | None
) -> dict[str, Any]:
    """Values by attribute name; of two settings of one option the later counts.

    ``declared`` has, for a section of a file, the prefix of its attributes and its options. A key that nobody
    declared has the type of its default in ``known``, or stays text: third-party subcommands read it.
    """
    values: dict[str, tuple[Setting, Callable[[str], Any]]] = {}
    for setting in settings:
        key = setting.key.replace("-", "_")
        prefix, options = declared.get(setting.section.replace("-", "_"), (setting.section, ()))
        option = _find_option(options, key)
        if option is None:
            name = attribute_name(setting.section, key)
            values[name] = setting, _cast_like(getattr(known, name, None))
            continue
        if option.deprecated:
            warn(f"{setting.origin}: [{setting.section}] {setting.key} is deprecated: {option.deprecated}")
        cast = option.cast
        if option.default is None and not setting.text.strip():  # as if it were not there
            cast = _unset
        values[option.attribute(prefix)] = setting, cast
    return {name: setting.cast(cast) for name, (setting, cast) in values.items()}


def _unset(text: str) -> None:
    """The cast of an empty text, where no value is a value."""


def _find_option(options: Iterable[Option], key: str) -> Option | None:
    by_dest = None
    for option in options:
        if key in (spelling.replace("-", "_") for spelling in option.spellings):
            return option
        if by_dest is None and key == option.dest.replace("-", "_"):
            by_dest = option
    return by_dest


def _cast_like(default: Any) -> Callable[[str], Any]:
    """The cast for an option that is only known by its default (those of user commands)."""
    if isinstance(default, (bool, int, float)):
        return Option("", default, "").cast
    return str

"""Sphinx configuration: ``python -m sphinx docs docs/_build/html``."""

from pathlib import Path

about: dict[str, str] = {}
exec((Path(__file__).parent.parent / "jug" / "version.py").read_text(encoding="utf-8"), about)

project = "jug"
author = "the jug developers"
copyright = "2026, the jug developers"
version = release = about["__version__"]

extensions: list[str] = []
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Tasks in ordinary Python, run by as many processes as share a folder"}
nitpicky = True

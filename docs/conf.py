"""Sphinx configuration: ``python -m sphinx docs docs/_build/html``."""

from pathlib import Path

about: dict[str, str] = {}
exec((Path(__file__).parent.parent / "jug" / "jug_version.py").read_text(encoding="utf-8"), about)

project = "jug"
author = "the jug developers"
copyright = "2026, the jug developers"
version = release = about["__version__"]

extensions: list[str] = []
exclude_patterns = ["_build", "performance/*.rst"]  # those are parts of a page
nitpicky = True

html_theme = "alabaster"
html_theme_options = {
    "description": "Tasks in ordinary Python, run by as many processes and machines as share a folder",
    "fixed_sidebar": True,
    "page_width": "1080px",
    "sidebar_width": "230px",
    "font_family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "head_font_family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "font_size": "16px",
    "code_font_size": "0.85em",
    "sidebar_collapse": False,
    "show_powered_by": False,
    "show_relbar_bottom": True,
    "link": "#0b5e8a",
    "link_hover": "#d35400",
}
html_sidebars = {"**": ["about.html", "searchfield.html", "navigation.html"]}
html_static_path = ["_static"]
html_title = f"jug {version}"
html_show_sourcelink = False
pygments_style = "friendly"

"""Tests of what is in a checkout only: documents, scripts, what builds the package."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def required():
    """Skip the test, or the file of tests, where ``jug test-jug`` runs an installed jug."""
    if not (ROOT / "setup.py").exists():
        pytest.skip("needs a checkout of jug, and this is an installed one", allow_module_level=True)

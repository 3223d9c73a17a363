"""Results of each kind that is kept in its own way."""

import random

import pytest
from optional import numpy as np

LARGE = 250_000  # numbers: two million bytes are written in pieces, and read as a stream


def value_of(kind):
    """A result of this kind; the test is skipped where that cannot be had."""
    if kind == "pickle":
        return {"a": [1, 2, 3], "b": "text"}
    if kind == "large pickle":
        return {"a": [1, 2, 3], "b": random.Random(3).randbytes(200_000)}
    if kind == "none":
        return None
    if kind == "parquet":
        return pytest.importorskip("polars").DataFrame({"a": list(range(20))})
    pytest.importorskip("numpy")
    if kind == "objects":
        return np.array([1, "a", None], dtype=object)
    return np.arange(float(LARGE)) if kind == "large" else np.arange(20)


def is_same(found, value):
    """Whether a result came back as it was."""
    if hasattr(value, "equals"):
        return found.equals(value)
    if hasattr(value, "tolist"):
        return found.tolist() == value.tolist()
    return found == value

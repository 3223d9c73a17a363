"""Where Jug 2.7 has the version, and how to cite the paper on its design."""

__version__ = "3.0.0.dev0"

CITATION = """\
Coelho, L.P. (2017). Jug: Software for Parallel Reproducible Computation in
Python. Journal of Open Research Software 5(1), p.30.

https://doi.org/10.5334/jors.161
"""

__all__ = ["CITATION", "__version__"]

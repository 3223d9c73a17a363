"""The version, in the one place that setup.py, the documentation and the command line read it from."""

__version__ = "3.0.0.dev0"

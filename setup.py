"""Everything about the package that a package index or an installer wants to know."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent

about = {}
exec((HERE / "jug" / "jug_version.py").read_text(encoding="utf-8"), about)

# What makes an optional part of jug work. The core needs nothing but the standard library; numpy and polars
# are used when the user's code uses them, so they are nobody's requirement here.
extras = {
    "shell": ["ipython"],
    "redis": ["redis>=5"],
    "web": ["starlette", "uvicorn"],
    "completion": ["argcomplete", "shtab"],
}
extras["all"] = sorted({requirement for part in extras.values() for requirement in part})
extras["test"] = [
    *extras["all"],
    "ipykernel",
    "matplotlib",
    "mypy==2.4.*",  # a minor release, here and below: what is clean today is clean tomorrow
    "nbclient",
    "numpy",
    "playwright",  # drives the chromium of the system: browsers of its own are not needed
    "polars",
    "pytest>=8",
    "pytest-timeout",
    "pytest-xdist",
    "PyYAML",
    "scikit-learn",
    "setuptools>=70.1",  # the tests build the package
]
extras["lint"] = ["mypy==2.4.*", "ruff==0.17.*", "types-PyYAML"]
extras["docs"] = ["sphinx>=7"]


# The tests of faults need a compiler, root, or kernels of their own: they are for a checkout.
IGNORED = shutil.ignore_patterns("__pycache__", ".*", "faults")


class BuildWithTests(build_py):
    """Puts the tests into the package, beside their configuration as in the checkout, for ``jug test-jug``."""

    def run(self):
        super().run()
        if not self.editable_mode:
            suite = Path(self.build_lib, "jug", "_testsuite")
            shutil.rmtree(suite, ignore_errors=True)  # of an earlier build: files may have gone since
            shutil.copytree(HERE / "tests", suite / "tests", ignore=IGNORED)
            shutil.copy(HERE / "pyproject.toml", suite)


setup(
    name="jug",
    version=about["__version__"],
    description="Tasks in ordinary Python, run by as many processes and machines as share a folder",
    long_description=(HERE / "README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    author="the jug developers",
    license="MIT",
    license_files=["LICENSE"],
    keywords=["parallel", "task", "workflow", "cache", "cluster", "reproducible research"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering",
        "Topic :: System :: Distributed Computing",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    packages=find_packages(include=["jug", "jug.*"]),
    package_data={"jug": ["py.typed", "skill/*.md", "skill/*/*.*"], "jug.web": ["static/*"]},
    include_package_data=False,
    cmdclass={"build_py": BuildWithTests},
    zip_safe=False,
    extras_require=extras,
    entry_points={
        "console_scripts": [
            "jug = jug.jug:main",
            "jug-execute = jug.jug:main_execute",
        ]
    },
)

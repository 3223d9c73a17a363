"""The rules of the house: who imports whom, how large things are, and what `import jug` costs."""

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import checkout
import pytest

checkout.required()

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "jug").rglob("*.py"))
}

# A module belongs to the longest of these names that it begins with. It imports only from lower floors, and from its
# own without going round in circles. Only a package's `__init__` imports from its parts.
FLOORS = {
    "jug.words": 0,
    "jug.errors": 0,
    "jug.jug_version": 0,
    "jug.hash": 1,
    "jug.hashing": 1,
    "jug.hooks": 1,
    "jug.backends": 1,
    "jug.task": 2,
    "jug.task_parts": 2,
    "jug.hashcheck": 2,
    "jug.compound": 3,
    "jug.barrier": 3,
    "jug.mapreduce": 3,
    "jug.io": 3,
    "jug.utils": 3,
    "jug.unsafe": 3,
    "jug.engine": 4,
    "jug.pool": 5,
    "jug.web": 5,
    "jug.cluster": 5,
    "jug": 6,
    "jug.jug": 7,
    "jug.__main__": 7,
    "jug.options": 7,
    "jug.cli": 7,
    "jug.subcommands": 7,
    "jug.skill": 7,
}

# May import a module of this package late: those that import the one command, or kind of store, that was asked for.
MAY_IMPORT_LATE = {"jug.cli.table", "jug.backends.select"}

MOST_FILES_OF_A_FOLDER = 14
MOST_LINES_OF_A_FILE = 350
MOST_LINES_OF_A_FUNCTION = 40
MOST_NESTING = 3
MOST_PARAMETERS = 6

# Benchmarks belong to no floor, but are to be as easy to read.
SCRIPTS = {str(path.relative_to(ROOT)): path for path in sorted((ROOT / "benchmarks").rglob("*.py"))}
READ = {**FILES, **SCRIPTS}

trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in READ.items()}


def floor_of(module):
    """The floor of a module; that of the package itself is only for its own `__init__`."""
    name = module
    while name != "jug" and name not in FLOORS:
        name = name.rpartition(".")[0]
    assert name != "jug" or module == "jug", f"{module} has no floor: add it to FLOORS"
    return FLOORS[name]


def is_for_type_checkers(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def nodes_at_run_time(tree):
    """All nodes of a syntax tree but those under `if TYPE_CHECKING`."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack += node.orelse if is_for_type_checkers(node) else ast.iter_child_nodes(node)


def imported_by(module, node):
    """The modules of this package that an import statement of `module` names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.partition(".")[0] == "jug"]
    base = node.module or ""
    if node.level:
        parents = module.split(".")
        if FILES[module].name != "__init__.py":
            parents.pop()
        parents = parents[: len(parents) - (node.level - 1)]
        base = ".".join([*parents, *filter(None, [node.module])])
    if base.partition(".")[0] != "jug":
        return []
    return [f"{base}.{alias.name}" if f"{base}.{alias.name}" in FILES else base for alias in node.names]


def imports(module, nodes=nodes_at_run_time):
    """Pairs of (statement, imported module of this package)."""
    for node in nodes(trees[module]):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for imported in imported_by(module, node):
                yield node, imported


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


@pytest.mark.parametrize("module", FILES)
def test_imports_are_from_lower_floors(module):
    above = []
    for _, imported in imports(module):
        parts = imported.startswith(f"{module}.") and FILES[module].name == "__init__.py"
        if not parts and floor_of(imported) > floor_of(module):
            above.append(imported)
    assert above == [], f"{module} (floor {floor_of(module)}) imports from above"


def test_no_module_imports_itself_in_a_circle():
    """Imports for type checkers count, too: what a reader has to know goes round in a circle as well."""
    graph = {module: {imported for _, imported in imports(module, ast.walk)} - {module} for module in FILES}
    state = {}

    def visit(module, path):
        if state.get(module) == "open":
            pytest.fail("import cycle: " + " -> ".join([*path[path.index(module) :], module]))
        if module not in state:
            state[module] = "open"
            for imported in sorted(graph.get(module, ())):
                visit(imported, [*path, module])
            state[module] = "closed"

    for module in graph:
        visit(module, [])


@pytest.mark.parametrize("module", sorted(set(FILES) - MAY_IMPORT_LATE))
def test_own_modules_are_imported_at_the_top(module):
    at_top = {id(node) for node in trees[module].body}
    assert [ast.unparse(node) for node, _ in imports(module) if id(node) not in at_top] == []


@pytest.mark.parametrize("module", READ)
def test_every_file_says_what_it_promises(module):
    assert ast.get_docstring(trees[module]) or not trees[module].body


def test_folders_are_small():
    numbers = Counter(path.parent for path in FILES.values())
    assert {folder: number for folder, number in numbers.items() if number > MOST_FILES_OF_A_FOLDER} == {}


@pytest.mark.parametrize("module", READ)
def test_files_and_functions_are_small(module):
    lines = READ[module].read_text(encoding="utf-8").count("\n")
    assert lines <= MOST_LINES_OF_A_FILE
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions(trees[module])}
    assert {name: n for name, n in long.items() if n > MOST_LINES_OF_A_FUNCTION} == {}


@pytest.mark.parametrize("module", READ)
def test_functions_have_few_parameters(module):
    for function in functions(trees[module]):
        given = function.args
        names = [arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        assert len([name for name in names if name not in ("self", "cls")]) <= MOST_PARAMETERS, function.name


NESTING = (ast.Match, ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith)


def nesting(node, is_elif=False):
    """How deep the statements in `node` are nested; an `elif` is as deep as its `if`."""
    deepest = 0
    for field, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        is_chain = field == "orelse" and isinstance(node, ast.If) and len(children) == 1
        for child in children:
            if isinstance(child, ast.AST) and not isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                deepest = max(deepest, nesting(child, is_chain and isinstance(child, ast.If)))
    return deepest + (isinstance(node, NESTING) and not is_elif)


@pytest.mark.parametrize("module", READ)
def test_nesting_is_shallow(module):
    deep = {}
    for function in functions(trees[module]):
        depth = max(map(nesting, function.body))
        if depth > MOST_NESTING:
            deep[function.name] = depth
    assert deep == {}


@pytest.mark.parametrize("module", [name for name, path in FILES.items() if path.name == "__init__.py"])
def test_init_files_hold_imports_and_all(module):
    def is_allowed(node):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_all = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
        return is_docstring or is_all or isinstance(node, (ast.Import, ast.ImportFrom))

    assert [ast.unparse(node) for node in trees[module].body if not is_allowed(node)] == []


def test_names_of_the_package_are_those_of_the_contract():
    import jug

    assert set(jug.__all__) >= {
        "Task",
        "Tasklet",
        "TaskGenerator",
        "iteratetask",
        "return_tuple",
        "value",
        "CachedFunction",
        "CompoundTask",
        "CompoundTaskGenerator",
        "barrier",
        "bvalue",
        "set_jugdir",
        "init",
        "is_jug_running",
        "__version__",
        "file_store",
        "dict_store",
    }


def modules_after(code):
    """What is in sys.modules of an interpreter (without its site) that has run `code`."""
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}\nprint('\\n'.join(sys.modules))"
    command = [sys.executable, "-I", "-S", "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=dict(os.environ))
    return set(run.stdout.split())


EXPENSIVE = """
    argparse IPython redis numpy sqlite3 rich subprocess tempfile logging inspect typing dataclasses uuid socket random
    shutil json datetime configparser glob fnmatch multiprocessing concurrent traceback pdb importlib.metadata
"""
KINDS_OF_STORES = {f"jug.backends.{name}" for name in ("file_store", "dict_store", "redis_store")}


def test_importing_jug_is_cheap():
    added = modules_after("import jug") - modules_after("pass")
    assert added & set(EXPENSIVE.split()) == set()
    assert added & {"hashlib", "threading", "signal", "pathlib", "_ssl"} == set()
    assert {name for name in added if name.startswith("jug.subcommands")} == set()
    assert added & KINDS_OF_STORES == set()


def test_asking_for_the_version_is_cheap():
    code = "import jug.jug\ntry: jug.jug.main(['jug', '--version'])\nexcept SystemExit: pass\n"
    added = modules_after(code) - modules_after("pass")
    assert "jug.options" in added
    assert added & {*EXPENSIVE.split(), "pathlib"} == set()
    assert added & KINDS_OF_STORES == set()


def test_only_the_kind_of_store_that_is_asked_for_is_imported():
    added = modules_after("import jug; jug.set_jugdir('somewhere.jugdata')")
    assert added & KINDS_OF_STORES >= {"jug.backends.file_store"}
    of_redis = {name for name in added if name.startswith("jug.backends.redis")}
    assert of_redis <= {"jug.backends.redis", "jug.backends.redis.address"}


def test_modules_of_a_jugfile_are_cheap_too():
    code = "import jug, jug.mapreduce, jug.utils, jug.io, jug.unsafe, jug.hash, jug.compound, jug.barrier, jug.hooks"
    assert (modules_after(code) - modules_after("pass")) & set(EXPENSIVE.split()) == set()


# Speaks of where it was made: the repository is read by people who do not know that place.
STRANGE = ["/work/", "/opt/v"]


@pytest.mark.parametrize("module", READ)
def test_nothing_speaks_of_another_machine(module):
    text = READ[module].read_text(encoding="utf-8")
    assert [word for word in STRANGE if word in text] == []

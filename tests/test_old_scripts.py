"""Scripts, notebooks and jugfiles as people wrote them for the reference release, in all the ways that they did."""

import re
import sys

import pytest
from processes import files_in, jug, python, start, start_python, use, wait_for_file, write

CHAIN = "old_chain.py"


NOTED = """
import jug.task
from jug import TaskGenerator, Task, barrier, bvalue, value

@TaskGenerator
def f(x):
    with open('ran', 'a') as notes:
        notes.write(f'{x} ')
    return x
"""


def ran(where):
    path = where / "ran"
    return path.read_text().split() if path.exists() else []


@pytest.fixture
def chain(tmp_path):
    """A directory with a jugfile that has been executed: ``doubled`` is [0, 2, 4], ``total`` 6."""
    use(tmp_path, CHAIN)
    assert jug(tmp_path, "execute").code == 0
    return tmp_path


# options


ATTRIBUTES = (
    "aggressive_unload argv cleanup_failed_only cleanup_keep_locks cleanup_locks_only debug execute_keep_failed "
    "execute_keep_going execute_name execute_no_check_environment execute_nr_wait_cycles execute_pattern "
    "execute_wait_cycle_time graph_format graph_no_status install_skills_force install_skills_output "
    "invalid_name invalid_pattern jugdir jugfile pdb print_out "
    "short status_cache status_cache_clear status_cache_file subcommand user_args verbose webstatus_ip webstatus_port "
    "will_cite"
)


def test_each_attribute_that_options_had_is_there(tmp_path):
    script = f"import jug.options as o\nfor name in {ATTRIBUTES.split()}: getattr(o.parse(['status']), name)\n"
    assert python(tmp_path, "-c", script).code == 0


def test_the_format_of_a_graph_has_its_old_names(tmp_path):
    script = (
        "import io, jug.options as o\n"
        "print(o.parse(['graph']).graph_format, o.parse(['graph', '--file-format', 'pdf']).graph_format)\n"
        "for key in ('format', 'file-format', 'file_format'):\n"
        "    print(o.parse(['graph'], io.StringIO(f'[graph]\\n{key} = svg\\n')).graph_format)\n"
    )
    assert python(tmp_path, "-c", script).out.split() == ["png", "pdf", "svg", "svg", "svg"]


# jug.init and value


def test_a_plain_script_looks_at_results(chain):
    script = """
        import sys
        import jug
        from jug import value
        store, space = jug.init('jugfile.py', 'jugfile.jugdata')
        print(value(space['doubled']), space['total'].value(), jug.is_jug_running(), sys.argv)
        """
    done = python(chain, write(chain, script, "look.py"), "an argument")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"[0, 2, 4] 6 False {[str(chain / 'look.py'), 'an argument']}\n"


def test_a_script_without_a_jugdir_uses_the_directory_jugdata_if_there_is_one(tmp_path):
    use(tmp_path, CHAIN)
    jug(tmp_path, "execute")
    script = write(tmp_path, "import jug\nprint(jug.value(jug.init()[1]['total']))", "look.py")
    assert python(tmp_path, script).out == "6\n"
    (tmp_path / "jugfile.jugdata").rename(tmp_path / "jugdata")
    assert python(tmp_path, script).out == "6\n"


def test_a_script_reads_two_jugfiles_and_runs_the_tasks_of_both_and_its_own(tmp_path):
    use(tmp_path, CHAIN, "one.py")
    write(tmp_path, "from jug import Task\nlength = Task(len, 'four')\n", "two.py")
    script = """
        import jug, jug.task
        from jug.jug import execution_loop
        from jug.options import default_options
        own = jug.Task(len, 'ab')
        _, one = jug.init('one.py', 'dict_store')
        store, two = jug.init('two.py', store=jug.Task.store)
        print(execution_loop(jug.task.alltasks, default_options.copy()), jug.task.alltasks)
        print(jug.value([own, one['total'], two['length']]))
        """
    done = python(tmp_path, write(tmp_path, script, "run.py"))
    assert done.out.splitlines()[-2:] == ["False []", "[2, 6, 4]"]


def test_a_jugfile_that_is_missing_is_told_to_a_script_as_it_asked(tmp_path):
    script = """
        import jug
        try:
            jug.init('missing.py', 'dict_store', on_error='propagate')
        except FileNotFoundError as error:
            print('caught', error.filename)
        jug.init('missing.py', 'dict_store')
        """
    done = python(tmp_path, write(tmp_path, script, "look.py"))
    assert (done.code, done.out) == (2, "caught missing.py\n")
    assert done.err == "jug: The jugfile 'missing.py' cannot be read: No such file or directory\n"


NOTEBOOK = """
import nbformat
from nbclient import NotebookClient

cells = [
    "import jug\\nfrom jug import value\\nstore, space = jug.init('jugfile.py', 'jugfile.jugdata')",
    "value(space['doubled'])",
    "from jug import Task\\nmore = Task(sum, space['doubled'])\\nmore.run(), more.can_load(), jug.is_jug_running()",
    "store, space = jug.init('jugfile.py', 'jugfile.jugdata')\\nspace['total'].value()",
]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
NotebookClient(notebook, timeout=60, kernel_name='python3').execute()
for cell in notebook.cells:
    print([output.get('data', output).get('text/plain') for output in cell.outputs])
"""


def test_a_notebook_looks_at_results(chain):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    done = python(chain, write(chain, NOTEBOOK, "notebook.py"), PYTHONWARNINGS=None)
    assert done.code == 0, done
    assert done.out.splitlines() == ["[]", "['[0, 2, 4]']", "['(6, True, False)']", "['6']"]


# Executing from code


def test_a_script_executes_a_jugfile_with_barriers(tmp_path):
    write(tmp_path, f"{NOTED}\na = f(1)\nbarrier()\nb = f(value(a) + 1)\nc = f(bvalue(b) + 1)\n")
    script = """
        import jug.jug, jug.options, jug.task
        options = jug.options.default_options.copy()
        options.jugfile = 'jugfile.py'
        options.jugdir = 'jugfile.jugdata'
        options.execute_wait_cycle_time = 0.1
        options.execute_nr_wait_cycles = 1
        rounds = 0
        while True:
            store, space = jug.jug.init(options.jugfile, options.jugdir)
            failed = jug.jug.execution_loop(jug.task.alltasks, options)
            rounds += 1
            if '__jug__hasbarrier__' not in space:
                break
        print('rounds', rounds, failed)
        """
    done = python(tmp_path, write(tmp_path, script, "run.py"))
    assert done.code == 0, done
    assert done.out.splitlines()[-1] == "rounds 3 False" and ran(tmp_path) == ["1", "2", "3"]
    assert jug(tmp_path, "check").code == 0


def test_a_failure_is_told_by_the_loop(tmp_path):
    write(tmp_path, "from jug import Task\nbad = Task(int, 'x')\n")
    script = """
        import jug, jug.task
        from jug.jug import ExecutionState, execution_loop
        from jug.options import default_options
        jug.init('jugfile.py', 'dict_store')
        options = default_options.copy()
        options.execute_keep_going = True
        state = ExecutionState()
        print(execution_loop(jug.task.alltasks, options, state))
        """
    done = python(tmp_path, write(tmp_path, script, "run.py"))
    assert (done.code, done.out.splitlines()[-1]) == (0, "True")


# What a jugfile does with the list of its tasks, and with their names


@pytest.mark.parametrize(
    ("lines", "run"),
    [
        ("jug.task.alltasks = []\nf(5)", ["5"]),
        ("del jug.task.alltasks[:]\nf(5)", ["5"]),
        ("jug.task.alltasks.reverse()", ["1", "2"]),
        ("jug.task.alltasks = [t for t in jug.task.alltasks if t.args == (2,)]", ["2"]),
    ],
    ids=["rebound", "cleared", "reversed", "filtered"],
)
def test_the_list_of_tasks_may_be_changed(tmp_path, lines, run):
    write(tmp_path, f"{NOTED}\nf(1)\nf(2)\n{lines}\n")
    assert jug(tmp_path, "execute").code == 0
    assert sorted(ran(tmp_path)) == run
    assert jug(tmp_path, "status", "--short").code == 0


def test_the_name_of_a_task_may_be_set(tmp_path):
    source = f"""{NOTED}
renamed = f(1)
renamed.name = 'step.one'
hashed = f(2)
before = hashed.hash()
hashed.name = 'step.two'
print(renamed.hash().decode(), hashed.hash() == before)
"""
    write(tmp_path, source)
    done = jug(tmp_path, "execute")
    # The hash under which the reference release keeps the result of a task with that name.
    assert done.out.splitlines()[0] == "de6df3733cd3a281b4fe06b41f7685c1c65d15ee True"
    assert jug(tmp_path, "status").table().keys() == {"step.one", "step.two", "Total:"}
    assert jug(tmp_path, "invalidate", "--name", "step.two").code == 0
    assert jug(tmp_path, "status").table()["step.two"]["Ready"] == 1


def test_the_store_is_an_attribute_of_tasks(tmp_path):
    write(tmp_path, f"{NOTED}\nt = f(1)\nif Task.store.can_load(t.hash()):\n    print(t.store.load(t.hash()))\n")
    assert jug(tmp_path, "execute").code == 0
    assert "1\n" in jug(tmp_path, "execute").out


# Results that the jugfile removes while it is read


def test_results_that_the_jugfile_removes_are_computed_again(tmp_path):
    write(tmp_path, f"{NOTED}\na = f(1)\nb = f(a)\nfor t in jug.task.alltasks:\n    t.invalidate()\n")
    assert jug(tmp_path, "execute").code == 0
    assert jug(tmp_path, "execute").code == 0
    assert ran(tmp_path) == ["1"] * 4
    done = jug(tmp_path, "status")
    assert done.table()["Total:"]["Finished"] == 0 and done.code == 1


def test_a_jugfile_that_removes_what_its_barrier_waits_for_does_not_run_for_ever(tmp_path):
    write(tmp_path, f"{NOTED}\na = f(1)\na.invalidate()\nbarrier()\nf(2)\n")
    done = jug(tmp_path, "execute")
    assert done.code == 3 and len(ran(tmp_path)) < 10
    assert "removes them itself" in done.last


def test_two_workers_of_a_jugfile_that_removes_results_both_end(tmp_path):
    write(tmp_path, f"{NOTED}\nfor i in range(8):\n    f(i).invalidate()\n")
    workers = [start(tmp_path, "execute", "--nr-wait-cycles", "20", "--wait-cycle-time", "0.1") for _ in range(2)]
    assert [worker.wait().code for worker in workers] == [0, 0]


# Names and places of jugfiles


@pytest.mark.parametrize("name", ["with-dash.py", "sub/dir/file.py", "ünïcode.py", "with space.py"])
def test_any_name_of_a_jugfile(tmp_path, name):
    write(tmp_path, f"{NOTED}\nimport sys\nf(1)\nprint(__name__, sys.argv, jug.is_jug_running(), __file__)\n", name)
    done = jug(tmp_path, "execute", name, "--", "more")
    stem = name.rpartition("/")[2].removesuffix(".py")
    assert done.code == 0, done
    assert done.out.splitlines()[0] == f"{stem} {[name, 'more']} True {tmp_path / name}"
    assert jug(tmp_path, "status", name, "--short").out.endswith("\nAll tasks complete (1 task).\n")
    assert (tmp_path / (name.removesuffix(".py") + ".jugdata")).is_dir()


def test_a_link_to_a_jugfile_has_the_name_of_the_link(tmp_path):
    write(tmp_path, f"{NOTED}\nf(1)\n", "real.py")
    (tmp_path / "link.py").symlink_to("real.py")
    assert jug(tmp_path, "execute", "link.py").code == 0
    assert jug(tmp_path, "status", "link.py").table()["link.f"]["Finished"] == 1


def test_a_jugfile_that_is_a_script_as_well(tmp_path):
    source = """
        import jug
        from jug import *
        if __name__ == '__main__':
            print('a script', jug.is_jug_running())
        if jug.is_jug_running():
            print('under jug')
            length = Task(len, 'abc')
        """
    path = write(tmp_path, source)
    assert python(tmp_path, path).out == "a script False\n"
    assert jug(tmp_path, "execute").out.splitlines()[0] == "under jug"


# Tasks that use processes and threads


PARALLEL = """
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from jug import TaskGenerator

def square(x):
    return x * x

@TaskGenerator
def in_processes(how, n):
    with multiprocessing.get_context(how).Pool(2) as pool:
        return pool.map(square, range(n))

@TaskGenerator
def in_threads(n):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(square, range(n)))

results = [in_processes('fork', 3), in_processes('spawn', 3), in_threads(3)]
"""


def test_tasks_may_use_processes_and_threads_of_their_own(tmp_path):
    write(tmp_path, PARALLEL)
    done = jug(tmp_path, "execute")
    assert (done.code, done.err) == (0, "jug: All tasks are finished.\n")
    script = "import jug\nprint(jug.value(jug.init('jugfile.py', 'jugfile.jugdata')[1]['results']))\n"
    assert python(tmp_path, write(tmp_path, script, "look.py")).out == f"{[[0, 1, 4]] * 3}\n"


def test_tasks_may_use_joblib(tmp_path):
    pytest.importorskip("joblib")
    source = """
        from jug import TaskGenerator
        def square(x):
            return x * x
        @TaskGenerator
        def in_processes(n):
            from joblib import Parallel, delayed
            return Parallel(n_jobs=2)(delayed(square)(i) for i in range(n))
        squares = in_processes(3)
        """
    write(tmp_path, source)
    done = jug(tmp_path, "execute", PYTHONWARNINGS=None)
    assert done.code == 0 and done.last == "jug: All tasks are finished."


# A library that stops at a barrier while it is imported

FUNCTIONS = "from jug import TaskGenerator\n@TaskGenerator\ndef f(x):\n    return 10 * x\n"
IMPORTS = {
    "package": {
        "pkg/__init__.py": "import pkg.first\nfrom . import second\n",
        "pkg/functions.py": FUNCTIONS,
        "pkg/first.py": "from .functions import f\nx = f(1)\n",
        "pkg/second.py": (
            "from jug import barrier, value\nimport pkg\nimport pkg.first\nbarrier()\n"
            "y = pkg.first.f(value(pkg.first.x))\n"
        ),
        "jugfile.py": "import pkg\nimport pkg.second\nz = pkg.first.f(pkg.second.y)\n",
    },
    "circle": {
        "one.py": (
            "from jug import TaskGenerator, bvalue, Task\ndef plain(x):\n    return x\n"
            "@TaskGenerator\ndef f(x):\n    return 10 * x\nimport two\nx = bvalue(two.start)\ny = two.apply(plain, x)\n"
        ),
        "two.py": (
            "import one\nfrom one import f, plain\nfrom jug import TaskGenerator\n"
            "@TaskGenerator\ndef apply(g, x):\n    return g(x)\nstart = f(1)\nalso = apply(plain, start)\n"
        ),
        "jugfile.py": "import one, two\nz = one.f(one.y)\n",
    },
    "class": {
        "kinds.py": (
            "from jug import TaskGenerator, bvalue\nclass Number:\n    def __init__(self, n):\n        self.n = n\n"
            "@TaskGenerator\ndef make(n):\n    return Number(n)\nmade = make(100)\nn = bvalue(made).n\n"
        ),
        "jugfile.py": "import kinds\nfrom jug import Task\nz = Task(int, kinds.n)\n",
    },
    "inside a function": {
        "late.py": FUNCTIONS + "from jug import bvalue\nx = bvalue(f(1))\n",
        "jugfile.py": "def main():\n    from late import f, x\n    return f(f(x))\nz = main()\n",
    },
    "reload": {
        "again.py": FUNCTIONS + "from jug import barrier\nx = f(1)\nbarrier()\ny = f(x)\n",
        "jugfile.py": "import importlib\nimport again\nagain = importlib.reload(again)\nz = again.f(again.y)\n",
    },
    "caller": {
        "pkg/__init__.py": "",
        "pkg/steps.py": FUNCTIONS
        + "from jug import barrier, value\ndef go():\n    x = f(1)\n    barrier()\n    return f(f(x))\n",
        "jugfile.py": "from pkg import steps\nz = steps.go()\n",
    },
}


@pytest.mark.parametrize("how", IMPORTS)
def test_a_barrier_in_a_library(tmp_path, how):
    for name, source in IMPORTS[how].items():
        write(tmp_path, source, name)
    done = jug(tmp_path, "execute")
    assert (done.code, done.last) == (0, "jug: All tasks are finished."), done
    script = "import jug\nprint(jug.value(jug.init('jugfile.py', 'jugfile.jugdata')[1]['z']))\n"
    assert int(python(tmp_path, write(tmp_path, script, "look.py")).out) in (100, 1000)
    assert jug(tmp_path, "check").code == 0


LIBRARY = FUNCTIONS + "xs = [f(i) for i in range(3)]\n"
USES_LIBRARY = "import library\nfrom jug import bvalue\nfirst = bvalue(library.xs[0])\n"


def test_tasks_that_a_library_made_when_it_was_imported_are_there_after_a_barrier(tmp_path):
    write(tmp_path, LIBRARY, "library.py")
    write(tmp_path, USES_LIBRARY)
    lock = "import jug, time\nprint(jug.init('jugfile.py', 'jugfile.jugdata')[1]['library'].xs[2].lock())\n"
    lock += "open('locked', 'w').close()\ntime.sleep(600)\n"
    holder = start_python(tmp_path, write(tmp_path, lock, "lock.py"))
    wait_for_file(tmp_path / "locked", alive=holder)
    done = jug(tmp_path, "execute", "--nr-wait-cycles", "1", "--wait-cycle-time", "0.1")
    assert done.code == 3 and "1 running" in done.last
    holder.kill()
    assert jug(tmp_path, "execute").code == 0
    assert jug(tmp_path, "status").table()["Total:"]["Finished"] == 3


def test_sleep_until_waits_for_tasks_that_a_library_made(tmp_path):
    write(tmp_path, LIBRARY, "library.py")
    write(tmp_path, USES_LIBRARY + "open('read', 'a').write('x')\n")
    waiting = start(tmp_path, "sleep-until")
    assert jug(tmp_path, "execute", JUG_MAX_TASKS="1").code == 3
    wait_for_file(tmp_path / "read", alive=waiting)
    assert waiting.process.poll() is None
    assert jug(tmp_path, "execute").code == 0
    assert waiting.wait().code == 0


# Commands of users


COMMANDS = """
from jug.subcommands import SubCommand, cmdapi
from jug.subcommands.execute import ExecuteCommand

class Both(SubCommand):
    '''Execute, then count'''
    name = 'both'

    def run(self, *args, **kwargs):
        print('execute gives', cmdapi.run('execute', *args, **kwargs))
        return cmdapi.run('count', **kwargs)

    def parse(self, parser):
        parser.add_argument('--times', type=int, action='store', dest='both_times', default=1)

    def parse_defaults(self):
        return {'both_times': 1}

class Execute(ExecuteCommand):
    '''Execute, and say so'''

    def run(self, options, store, jugspace, *args, **kwargs):
        print('mine', options.jugfile, sorted(set(jugspace) & {'doubled', 'total'}))
        return super().run(options, store, jugspace, *args, **kwargs)

both = Both()
execute = Execute()
"""


def test_commands_of_users_run_others_and_replace_them(tmp_path):
    use(tmp_path, CHAIN)
    write(tmp_path, COMMANDS, ".config/jug/jug_user_commands.py")
    done = jug(tmp_path, "both", "--times", "2")
    assert done.code == 0, done
    lines = done.out.splitlines()
    assert lines[0] == "mine jugfile.py ['doubled', 'total']" and "execute gives 0" in lines
    assert done.table()["Total:"] == {"Executed": 4, "Loaded": 0}
    assert "   execute:        Execute, and say so" in jug(tmp_path, "--help").out.splitlines()


# Hooks


def test_a_hook_that_a_jugfile_registers_is_registered_at_each_reading(tmp_path):
    source = f"""{NOTED}
from jug.hooks import register_hook, register_hook_once
register_hook('execute.task-executed1', lambda t: print('each', t.args))
register_hook_once('execute.task-executed1', 'mine', lambda t: print('once', t.args))
f(1)
barrier()
f(2)
"""
    write(tmp_path, source)
    done = jug(tmp_path, "execute")
    assert [line for line in done.out.splitlines() if line.startswith(("each", "once"))] == [
        "each (1,)",
        "once (1,)",
        "each (2,)",
        "once (2,)",
        "each (2,)",
    ]


def test_nothing_is_written_but_results(chain):
    jug(chain, "status")
    assert {name.partition("/")[0] for name in files_in(chain)} == {"jugfile.py", "jugfile.jugdata"}
    assert sys.dont_write_bytecode or not (chain / "__pycache__").exists()


# Classes of one's own


OWN_HASH = """
import hashlib
import jug

class Named(jug.Task):
    def __jug_hash__(self):
        return {key}

def f(x):
    return x + 1

ts = [Named(f, i) for i in range(3)]
total = jug.Task(sum, ts)
"""
KEYS = {
    "md5": "hashlib.md5(repr((self.name, self.args[:1])).encode()).hexdigest().encode()",
    "sha256": "hashlib.sha256(repr((self.name, self.args[:1])).encode()).hexdigest().encode()",
    "readable": "f'plate-{self.args[0]}'.encode()",
    "text": "f'plate {self.args[0]}'",
    "forty letters": "(b'%d' % self.args[0]).rjust(40, b'x')",
}
STORES = ["kept", "dict_store:kept"]


@pytest.mark.parametrize("jugdir", STORES)
@pytest.mark.parametrize("key", KEYS)
def test_all_commands_agree_on_tasks_with_a_hash_of_their_own(tmp_path, key, jugdir):
    write(tmp_path, OWN_HASH.format(key=KEYS[key]))
    where = "--jugdir", jugdir
    assert jug(tmp_path, "execute", *where).code == 0
    assert jug(tmp_path, "status", "--short", *where).out == "All tasks complete (4 tasks).\n"
    for _ in range(2):
        cached = jug(tmp_path, "status", "--cache", *where)
        assert cached.code == 0 and cached.table()["jugfile.f"]["Finished"] == 3
    assert jug(tmp_path, "check", *where).code == jug(tmp_path, "sleep-until", *where).code == 0
    assert jug(tmp_path, "execute", *where).table()["jugfile.f"] == {"Executed": 0, "Loaded": 3}
    assert "Removed 0 objects" in jug(tmp_path, "cleanup", *where).out
    if jugdir == "kept":
        assert jug(tmp_path, "check", "--verify", *where).out == "4 results: 4 whole.\n"
        assert jug(tmp_path, "pack", *where).code == 0
        assert jug(tmp_path, "check", "--verify", *where).out == "4 results: 4 whole.\n"
        assert jug(tmp_path, "status", *where).code == 0
    assert "4 results invalidated" in jug(tmp_path, "invalidate", "--name", "f", *where).out
    assert jug(tmp_path, "status", *where).table()["Total:"]["Finished"] == 0
    assert jug(tmp_path, "execute", *where).table()["jugfile.f"] == {"Executed": 3, "Loaded": 0}
    write(tmp_path, "import jug\njug.Task(abs, -1)")
    assert "Removed 4 objects" in jug(tmp_path, "cleanup", *where).out


@pytest.mark.parametrize("key", ["b''", "None", "5", "'plate é'", "b'\\xff' * 20", "b'a/b'", "b'a'", "'..'"])
def test_a_hash_that_can_be_none_is_told_in_a_sentence(tmp_path, key):
    write(tmp_path, OWN_HASH.format(key=key))
    for command in (["execute"], ["invalidate", "--name", "f"]):
        done = jug(tmp_path, *command)
        assert done.code == 1 and "Traceback" not in done.err
        assert re.search(
            r"Task jugfile.f.* gave .*|is not the name of a (result|lock) in a folder", done.err.splitlines()[-1]
        )


OWN_STORE = """
import jug, jug.backends.file_store

class Fast(jug.Task):
    store = jug.backends.file_store.file_store("fast")

def f(x):
    return x

ts = [Fast(f, i) for i in range(3)]
jug.barrier()
total = jug.Task(sum, ts)
"""


def test_all_commands_ask_the_store_of_a_class(tmp_path):
    write(tmp_path, OWN_STORE)
    assert jug(tmp_path, "execute").code == 0
    assert jug(tmp_path, "status", "--short").out == "All tasks complete (4 tasks).\n"
    cached = jug(tmp_path, "status", "--cache")
    assert cached.table()["jugfile.f"]["Finished"] == 3 and "is not kept: it has tasks of classes" in cached.err
    assert jug(tmp_path, "check").code == jug(tmp_path, "sleep-until").code == 0
    assert jug(tmp_path, "check", "--verify").out == "4 results: 4 whole.\n"
    assert "Removed 0 objects" in jug(tmp_path, "cleanup").out
    assert "4 results invalidated" in jug(tmp_path, "invalidate", "--name", "f").out
    assert jug(tmp_path, "status").table()["jugfile.f"]["Ready"] == 3


def test_the_names_of_2_7_are_there(tmp_path):
    script = """
        from jug.backends import redis_store
        from jug.backends.file_store import file_based_lock, file_keepalive_based_lock, file_store
        store = file_store('kept')
        for name in (b'0' * 40, b'my-own-key'):
            store.dump([1], name)
        print(sorted(store.list())[1], store.listlocks(), store.update_pack(), store.update_pack())
        print(store.tempdir().endswith('/kept/tempfiles'), file_keepalive_based_lock is file_based_lock)
        print(redis_store.redis.__name__)
        """
    done = python(tmp_path, write(tmp_path, script, "names.py"))
    assert (done.err, done.out) == ("", "b'my-own-key' [] 2 0\nTrue True\nredis\n")


@pytest.mark.parametrize(
    "path",
    [
        *("jug_version.__version__", "backends.dict_store", "backends.encode", "backends.file_store.file_store"),
        *("backends.redis_store", "hooks.execution", "hooks.exit_checks", "hooks.register.register_hook"),
    ],
)
def test_importing_a_package_is_enough_for_its_modules(tmp_path, path):
    for package in {"jug", f"jug.{path.partition('.')[0]}"}:
        write(tmp_path, f"import {package}\njug.{path}\nprint(hasattr(jug.backends, 'other'))", "names.py")
        done = python(tmp_path, "names.py")
        assert (done.out, done.err) == ("False\n", "")


def test_without_the_package_its_name_says_so(tmp_path):
    script = """
        import sys
        sys.modules['redis'] = None
        from jug.backends import redis_store
        print(hasattr(redis_store, 'redis'), hasattr(redis_store, 'other'))
        redis_store.redis
        """
    done = python(tmp_path, write(tmp_path, script, "names.py"))
    assert done.out == "False False\n"
    assert done.last == "AttributeError: jug.backends.redis_store.redis is the package 'redis', which is not installed"

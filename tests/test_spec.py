"""Every public name, where it is imported from, and how it is called: user code of the reference release depends on it.

A signature is given as users write calls: ``f(a, b=default)``. What a name takes besides (new parameters after the old
ones) is ours; that the old calls bind, with their keywords and their defaults, is what is tested.
"""

import inspect
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest
from processes import ROOT

# module -> names with signatures; a name without parentheses has none that matters (a list, an instance, a module)
NAMES = {
    "jug": """
        Task(f, *args, **kwargs)   Tasklet(base, f)   TaskGenerator(f)   iteratetask(base, n)   return_tuple(n)
        value(elem)   CachedFunction(f, *args, **kwargs)   CompoundTask(f, *args, **kwargs)   CompoundTaskGenerator(f)
        barrier()   bvalue(t)   set_jugdir(jugdir)   init(jugfile=None, jugdir=None, on_error='exit', store=None)
        is_jug_running()   __version__   file_store   dict_store   redis_store
        backends   compound   hash   hooks   jug   options   task   utils
        """,
    "jug.task": """
        Task(f, *args, **kwargs)   Tasklet(base, f)   TaskGenerator(f)   iteratetask(base, n)   return_tuple(n)
        value(elem)   CachedFunction(f, *args, **kwargs)   describe(t)   recursive_dependencies(t, max_level=-1)
        topological_sort(tasks)   alltasks   hash_one(obj)   hash_update(M, elems)   new_hash_object()
        """,
    "jug.barrier": "barrier()   bvalue(t)   BarrierError",
    "jug.compound": """
        CompoundTask(f, *args, **kwargs)   CompoundTaskGenerator(f)   compound_task_execute(x, h)
        """,
    "jug.mapreduce": """
        mapreduce(reducer, mapper, inputs, map_step=4, reduce_step=8)   map(mapper, sequence, map_step=4)
        currymap(mapper, sequence, map_step=4)   reduce(reducer, inputs, reduce_step=8)   _break_up(lst, step)
        """,
    "jug.utils": """
        identity(x)   CustomHash(obj, hash_function)   timed_path(path)   sync_move(src, dst)   cached_glob(pat)
        jug_execute(args, check_exit=True, run_after=None, return_value=None)   prepare_task_matcher(pattern)
        prepare_name_matcher(name)   prepare_matcher_from_options(name=None, pattern=None)
        """,
    "jug.unsafe": "NoHash(obj)",
    "jug.io": """
        NoLoad(base)   write_task_out(result, oname, metadata_fname=None, metadata_format='yaml')
        write_metadata(result, metadata_fname, metadata_format='yaml')   print_task_summary_table(options, groups)
        """,
    "jug.hash": "hash_one(obj)   hash_update(M, elems)   new_hash_object()",
    "jug.hooks": """
        register_hook(name, f=None)   register_hook_once(name, code, f)   jug_hook(name, args=(), kwargs=None)
        reset_all_hooks()
        """,
    "jug.hooks.exit_checks": """
        exit_if_file_exists(fname)   exit_when_true(f, function_takes_Task=False)   exit_after_n_tasks(n)
        exit_after_time(hours=0, minutes=0, seconds=0)   exit_env_vars(environ=None)
        """,
    "jug.hooks.execution": "register_time_tasks()",
    "jug.jug": """
        init(jugfile=None, jugdir=None, on_error='exit', store=None)   main(argv=None)   main_execute()
        is_jug_running()   execution_loop(tasks, options, state=None)   ExecutionState()
        """,
    "jug.options": """
        Options(next, autoinit=False)   default_options   parse(args=None, optionsfile=None)   set_jugdir(jugdir)
        read_configuration_file(fp=None, default_options=None)   find_local_configuration_files()
        """,
    "jug.backends": """
        select(jugdir)   memoize_store(base, list_base=False)   base   file_store   dict_store   redis_store   encode
        """,
    "jug.backends.base": "base_store(name)   base_lock()",
    "jug.backends.file_store": """
        file_store(dname, compress_numpy=False)   file_keepalive_store(dname, compress_numpy=False)
        file_based_lock(jugdir, name)   fsync_dir(fname)
        """,
    "jug.backends.dict_store": "dict_store(backend=None)   dict_lock(store, counts, name)",
    "jug.backends.redis_store": "redis_store(url)",
    "jug.backends.memoize_store": "memoize_store(base, list_base=False)",
    "jug.backends.encode": "encode(object)   decode(s)   encode_to(object, stream)   decode_from(stream)",
    "jug.subcommands": "SubCommand()   cmdapi",
}

STORE = """
    dump(object, name)   load(name)   can_load(name)   list()   listlocks()   remove(name)   remove_many(names)
    cleanup(active, keeplocks=False)   remove_locks()   getlock(name)   close()   metadata(t)   remove_store(jugdir)
    create()
    """
LOCK = "get()   release()   is_locked()   fail()   is_failed()"
# (module, class) -> its methods
METHODS = {
    ("jug.task", "Task"): """
        run(force=None, save=True, debug_mode=False)   value()   load()   unload()   unload_recursive()   is_loaded()
        can_load(store=None)   can_run()   invalidate()   hash()   dependencies()   lock()   unlock()   is_locked()
        fail()   is_failed()   result   store
        """,
    ("jug.task", "Tasklet"): "value()   can_load()   dependencies()   unload()   unload_recursive()",
    ("jug.backends.base", "base_store"): STORE,
    ("jug.backends.file_store", "file_store"): STORE,
    ("jug.backends.file_store", "file_keepalive_store"): STORE,
    ("jug.backends.dict_store", "dict_store"): STORE,
    ("jug.backends.redis_store", "redis_store"): STORE,
    ("jug.backends.memoize_store", "memoize_store"): STORE,
    ("jug.backends.base", "base_lock"): LOCK,
    ("jug.backends.file_store", "file_based_lock"): LOCK,
    ("jug.backends.dict_store", "dict_lock"): LOCK,
    ("jug.options", "Options"): "copy()",
    ("jug.subcommands", "SubCommand"): "parse(parser)   parse_defaults()",
}


def entries(text):
    """``[(name, signature or None)]`` of a text like those above."""
    found = []
    for entry in filter(None, (part.strip() for line in text.splitlines() for part in line.split("   "))):
        name, opened, _ = entry.partition("(")
        found.append((name, entry[len(name) :] if opened else None))
    return found


def expected(text):
    """The signature that ``(a, b=1)`` stands for."""
    namespace = {}
    exec(f"def f{text}: pass", namespace)
    return inspect.signature(namespace["f"])


def assert_is_called_as(thing, text):
    """Calls that fit the signature `text` fit `thing`: names, order, kinds and defaults."""
    theirs = list(expected(text).parameters.values())
    ours = list(inspect.signature(thing).parameters.values())
    assert len(ours) >= len(theirs), ours
    for old, new in zip(theirs, ours, strict=False):
        assert (old.name, old.kind) == (new.name, new.kind) or _is_function_before_keywords(old, new, theirs)
        assert old.default is old.empty or old.default == new.default
    for new in ours[len(theirs) :]:
        assert new.default is not new.empty or new.kind in (new.VAR_POSITIONAL, new.VAR_KEYWORD)


def _is_function_before_keywords(old, new, theirs):
    """``Task(f, **kwargs)``: nobody could say ``f=``, which is an argument of the task."""
    return old.name == new.name and new.kind is new.POSITIONAL_ONLY and theirs[-1].kind is theirs[-1].VAR_KEYWORD


def cases(table):
    return [(*(key if isinstance(key, tuple) else (key,)), *entry) for key in table for entry in entries(table[key])]


@pytest.mark.parametrize(("module", "name", "signature"), cases(NAMES))
def test_a_public_name_is_where_it_was_and_is_called_as_before(module, name, signature):
    namespace = {}
    exec(f"from {module} import {name}", namespace)
    if signature is not None:
        assert_is_called_as(namespace[name], signature)


def signature_in(module, cls, name):
    found = inspect.getattr_static(getattr(import_module(module), cls), name)
    if isinstance(found, (staticmethod, classmethod)):
        return found.__func__, isinstance(found, staticmethod)
    return found, False


@pytest.mark.parametrize(("module", "cls", "name", "signature"), cases(METHODS))
def test_a_method_is_called_as_before(module, cls, name, signature):
    found, static = signature_in(module, cls, name)
    if signature is not None:
        assert_is_called_as(found, signature if static else f"(self, {signature[1:]}")


def test_a_store_can_be_removed_without_an_object():
    for module, cls in METHODS:
        if METHODS[module, cls] is STORE:
            assert signature_in(module, cls, "remove_store")[1], cls


def test_backends_of_the_package_are_modules():
    import jug

    stores = [jug.file_store, jug.dict_store, jug.redis_store]
    assert [type(store) for store in stores] == [ModuleType] * 3
    assert [store.__name__ for store in stores] == [
        f"jug.backends.{name}" for name in ("file_store", "dict_store", "redis_store")
    ]


def test_import_jug_is_enough_for_what_it_always_was_enough_for():
    names = ["backends", "compound", "hash", "hooks", "jug", "options", "task", "utils"]
    source = f"import jug; print(*(getattr(jug, name).__name__ for name in {names}))"
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"jug.{name}" for name in names]


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    import jug

    with pytest.raises(AttributeError, match="'nonsense'"):
        jug.nonsense  # noqa: B018


def test_what_a_plugin_asks_of_the_commands():
    from jug.subcommands import SubCommand, cmdapi

    assert_is_called_as(cmdapi.run, "(command, *args, **kwargs)")
    assert isinstance(cmdapi.get("execute"), SubCommand)
    assert "execute" in cmdapi.usage()
    assert cmdapi.get("count").parse_defaults() == {}


def test_attributes_that_user_code_reads(store):
    from jug import Task, TaskGenerator
    from jug.utils import identity

    task = Task(len, "abc", key=1)
    assert (task.name, task.f, task.args, task.kwargs) == ("builtins.len", len, ("abc",), {"key": 1})
    assert TaskGenerator(len).f is len and TaskGenerator(len)._jug_is_task_generator is True
    assert identity("x").name == "identity"
    three = Task(len, "abc")
    three.run()
    assert three.result == 3 and Task.store is store
    tasklet = three[0]
    assert tasklet.base is three and callable(tasklet.f)


def test_options_are_attributes_over_defaults_and_copies_are_independent():
    from jug.options import Options, default_options

    options = Options(default_options)
    assert (options.jugfile, options.execute_keep_going, options.execute_wait_cycle_time) == ("jugfile.py", False, 12)
    copy = options.copy()
    copy.jugdir = "mine"
    assert options.jugdir == "%(jugfile)s.jugdata" and copy.jugdir == "mine"


def test_a_store_of_a_third_party_may_hand_its_name_to_the_base_class():
    from jug.backends.base import base_store

    methods = dict.fromkeys(base_store.__abstractmethods__, lambda self, *args: None)

    def create(self, name):
        base_store.__init__(self, name)
        self.where = name

    third = type("third_store", (base_store,), {**methods, "__init__": create})
    assert third("place").where == "place"

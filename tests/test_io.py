"""Results as files, and the summary table."""

import json
import pickle
import sys

import pytest
from optional import numpy as np

import jug.task
from jug import Task
from jug.errors import UsageError
from jug.io import NoLoad, print_task_summary_table, write_metadata, write_task_out
from jug.utils import identity


def square(x):
    return np.square(x)


def double(x):
    return 2 * x


def base_is_loaded(x):
    return type(x).__name__, x.base.is_loaded()


def run_all():
    for task in jug.task.alltasks:
        task.run()
        task.unload()


def test_no_load_is_waited_for_but_not_loaded(store):
    big = Task(double, 2)
    user = Task(base_is_loaded, NoLoad(big))
    assert list(user.dependencies()) == [big] and not user.can_run()
    run_all()
    assert user.value() == ("NoLoad", False)


def test_results_are_written_as_pickles(store, tmp_path):
    task = Task(double, [1])
    write_task_out(task, str(tmp_path / "out.pkl"))
    write_task_out({"a": task[0]}, str(tmp_path / "more.pkl"))
    run_all()
    assert pickle.loads((tmp_path / "out.pkl").read_bytes()) == [1, 1]
    assert pickle.loads((tmp_path / "more.pkl").read_bytes()) == {"a": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["more.pkl", "out.pkl"]


def test_what_lies_in_the_way_of_an_unfinished_file_is_not_written_through(store, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "out.part").symlink_to(victim)
    (tmp_path / "meta.part").hardlink_to(victim)
    write_task_out(Task(double, [1]), str(tmp_path / "out"), str(tmp_path / "meta"), metadata_format="json")
    run_all()
    assert victim.read_text() == "mine"
    assert pickle.loads((tmp_path / "out").read_bytes()) == [1, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["meta", "out", "victim"]


def test_arrays_are_written_as_npy(store, tmp_path):
    write_task_out(Task(square, np.arange(4)), str(tmp_path / "out.npy"))
    run_all()
    assert np.load(tmp_path / "out.npy").tolist() == [0, 1, 4, 9]


def masked(x):
    return np.ma.array(x, mask=[False, True])


def test_an_array_is_npy_whatever_the_name_of_the_file(store, tmp_path):
    write_task_out(Task(square, np.arange(4)), str(tmp_path / "out.pkl"))
    write_task_out(Task(double, [1]), str(tmp_path / "list.npy"))
    run_all()
    assert np.load(tmp_path / "out.pkl").tolist() == [0, 1, 4, 9]
    assert pickle.loads((tmp_path / "list.npy").read_bytes()) == [1, 1]


def test_the_mask_of_an_array_is_not_lost(store, tmp_path):
    write_task_out(Task(masked, [1, 2]), str(tmp_path / "out"))
    run_all()
    assert pickle.loads((tmp_path / "out").read_bytes()).tolist() == [1, None]


def test_without_pyyaml_one_sentence_says_so_and_nothing_is_written(store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    task = write_task_out(identity([1]), str(tmp_path / "o"), metadata_fname=str(tmp_path / "m"))
    jug.task.alltasks[0].run()
    with pytest.raises(UsageError, match=r"needs PyYAML, which is not installed: pip install PyYAML, or use .*'json'"):
        task.run()
    assert list(tmp_path.iterdir()) == []


def test_a_function_can_get_at_the_task_it_does_not_load():
    task = Task(double, 2)
    assert NoLoad(task).t is task


def test_metadata_as_json(store, tmp_path):
    task = Task(double, Task(double, 2))
    out = write_task_out(task, str(tmp_path / "o"), metadata_fname=str(tmp_path / "m1"), metadata_format="json")
    write_metadata(task, str(tmp_path / "m2"), "json")
    run_all()
    assert out.value() is None
    for name in ("m1", "m2"):
        description = json.loads((tmp_path / name).read_text())
        assert description["name"] == f"{__name__}.double"
        assert description["args"][0]["args"] == [2]


def test_metadata_of_arguments_that_json_does_not_know(store, tmp_path):
    write_metadata(Task(square, np.arange(2)), str(tmp_path / "m"), "json")
    run_all()
    assert json.loads((tmp_path / "m").read_text())["args"] == ["array([0, 1])"]


def test_metadata_as_yaml(store, tmp_path):
    yaml = pytest.importorskip("yaml")
    write_metadata(Task(double, 2), str(tmp_path / "m"))
    run_all()
    assert yaml.safe_load((tmp_path / "m").read_text())["args"] == [2]


def test_unknown_metadata_formats_are_refused():
    with pytest.raises(ValueError, match="'xml'"):
        write_metadata(Task(double, 2), "m", "xml")
    with pytest.raises(ValueError, match="'xml'"):
        write_task_out(Task(double, 2), "o", "m", "xml")


class Options:
    short = False


def test_summary_table(capsys):
    groups = [("Executed", {"m.b": 3, "m.a": 1}), ("Loaded", {"m.b": 1, "m.c": 5})]
    print_task_summary_table(Options(), groups)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "." in line] == [["m.a", "1", "0"], ["m.b", "3", "1"], ["m.c", "0", "5"]]
    assert lines[0].split() == ["Task", "name", "Executed", "Loaded"]
    assert [line.split() for line in lines if line.startswith("Total")] == [["Total:", "4", "6"]]


def test_summary_table_goes_where_the_options_say(capsys):
    printed = []
    options = Options()
    options.print_out = printed.append
    print_task_summary_table(options, [("Executed", {"m.b": 3})])
    assert "m.b" in "".join(printed) and capsys.readouterr().out == ""


def test_short_output_has_totals_and_no_table(capsys):
    options = Options()
    options.short = True
    print_task_summary_table(options, [("Executed", {"m.b": 3}), ("Loaded", {"m.a": 1})])
    assert capsys.readouterr().out == "Executed:  3 tasks\nLoaded:  1 task\n** Total: 4 tasks.\n"

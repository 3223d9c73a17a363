from processes import jug, use


def test_tasks_by_name(tmp_path):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, "count")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "Task name                    Count\n"
        "jugfile.apart                    1\n"
        "jugfile.first                    3\n"
        "jugfile.second                   1\n"
        "jugfile.third                    2\n"
        "Total:                           7\n"
    )


def test_short_is_the_total(tmp_path):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "count", "--short").out == "Count:  7 tasks\n** Total: 7 tasks.\n"


def test_a_task_that_is_created_twice_counts_once(tmp_path):
    path = use(tmp_path, "chain.py")
    path.write_text(path.read_text() + "first(0)\n")
    assert jug(tmp_path, "count", "--short").out.startswith("Count:  7 tasks\n")

from processes import files_in, jug


def test_the_demo_can_be_followed_to_its_end(tmp_path):
    done = jug(tmp_path, "demo")
    assert (done.code, done.err) == (0, "")
    assert files_in(tmp_path) == ["jug-demo", "jug-demo/primes.py"]
    for command in ("cd jug-demo", "jug status primes.py", "jug execute primes.py", "jug shell primes.py"):
        assert f"    {command}" in done.out
    assert jug(tmp_path / "jug-demo", "status", "primes.py").table()["primes.is_prime"]["Ready"] == 99
    path = tmp_path / "jug-demo/primes.py"
    path.write_text(path.read_text().replace("sleep(0.2)", "pass"))
    assert jug(tmp_path / "jug-demo", "execute", "primes.py").code == 0


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "jug-demo").mkdir()
    (tmp_path / "jug-demo/primes.py").write_text("mine")
    done = jug(tmp_path, "demo")
    assert (done.code, done.out) == (2, "")
    assert done.err == "jug: 'jug-demo/primes.py' exists already: nothing was written\n"
    assert (tmp_path / "jug-demo/primes.py").read_text() == "mine"


def test_a_file_is_in_the_way(tmp_path):
    (tmp_path / "jug-demo").touch()
    done = jug(tmp_path, "demo")
    assert (done.code, done.err) == (2, "jug: 'jug-demo' exists already: nothing was written\n")


def test_an_argument_is_refused(tmp_path):
    done = jug(tmp_path, "demo", "here")
    assert (done.code, done.out, files_in(tmp_path)) == (2, "", [])
    assert done.err.startswith("jug: 'jug demo' takes no argument, and 'here' is one")

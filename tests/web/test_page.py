"""The page in a real browser, as a person sees and uses it, while tasks are being run."""

import os
import re
import signal

import pytest
from debian import program
from processes import lose, start, use, write
from watching import CHROMIUM, Watching

playwright = pytest.importorskip("playwright.sync_api")
pytest.importorskip("starlette")
expect = playwright.expect

pytestmark = pytest.mark.xdist_group("browser")

PATIENCE = 60_000  # milliseconds: the machine may be busy

JUGFILE = """\
import os
import time
from jug import TaskGenerator, barrier, value

@TaskGenerator
def step(n):
    while not os.path.exists(f"go-{n}"):
        time.sleep(0.01)
    if os.path.exists(f"fail-{n}"):
        raise ValueError(f"<b>no</b> such column in 'run-{n}.csv'")
    return n

@TaskGenerator
def report(xs):
    return sum(xs)

steps = [step(n) for n in range(4)]
barrier()
report(value(steps))
"""


@pytest.fixture(scope="module")
def browser():
    path = program("chromium", "chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=CHROMIUM, headless=True)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Opens a page; what goes wrong in it fails the test at its end."""
    contexts, errors = [], []

    def open_page(watching, width=1200, height=900, **how):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **how))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Policy" in message.text else None)
        page.goto(watching.url)
        see(page, "#percent", re.compile(r"^\d+%$"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def see(page, selector, text):
    expect(page.locator(selector)).to_have_text(text, timeout=PATIENCE)


def cells(page, number):
    """What one column of the table says."""
    return page.locator(f"#rows td:nth-child({number})").all_inner_texts()


def names(page):
    return page.locator("#rows .name").all_inner_texts()


def named_tasks(where, count, extra=""):
    """A jugfile with so many names, the tasks of name number i being i + 1."""
    write(
        where,
        f"""
        from jug import Task

        def work(*args):
            return args

        for i in range({count}):
            for j in range(i % 40 + 1):
                task = Task(work, i, j)
                task.name = f"pipeline.step_{{i:03}}"
        """
        + extra,
    )


def test_a_run_from_its_beginning_to_its_end_on_a_page_that_is_never_loaded_again(tmp_path, open_page):
    write(tmp_path, JUGFILE)
    (tmp_path / "fail-1").touch()
    with Watching(tmp_path, "--interval", "0.1") as watching:
        page = open_page(watching)
        page.evaluate("window.marker = 'never loaded again'")
        see(page, "#sentence", "0 of 4 tasks finished")
        see(page, "#speed", "No worker is active.")
        see(
            page,
            ".notice",
            "The jugfile stops at a barrier until 4 tasks are finished: there may be more tasks after it.",
        )
        expect(page.locator("#workers")).to_be_hidden()

        workers = [start(tmp_path, "execute", "--short", "--keep-going") for _ in range(2)]
        see(page, "#workers-count", "2")
        expect(page.locator("#workers-list .call")).to_have_count(2, timeout=PATIENCE)
        expect(page.locator("#workers-list")).to_contain_text(f"process {workers[0].pid}")
        assert set(page.locator("#workers-list .call").all_inner_texts()) <= {f"jugfile.step({n})" for n in range(4)}
        expect(page.locator("#legend")).to_contain_text("2running")

        for n in (0, 1, 2):
            (tmp_path / f"go-{n}").touch()
        see(page, "#sentence", "2 of 4 tasks finished")
        see(page, "#percent", "50%")
        expect(page).to_have_title("50% (1 failed) jugfile.py", timeout=PATIENCE)

        see(page, "#failures-list .error", "ValueError: <b>no</b> such column in 'run-1.csv'")
        page.click("#failures-list summary")
        expect(page.locator("#failures-list pre")).to_contain_text("in step", timeout=PATIENCE)
        expect(page.locator("#failures-list pre")).to_contain_text("jugfile.step(1)\n\nTraceback")
        expect(page.locator("#failures-list .fate")).to_contain_text("The next run tries it again")

        (tmp_path / "go-3").touch()
        assert [worker.wait().code for worker in workers] == [1, 1]
        see(page, "#sentence", "3 of 4 tasks finished")
        assert page.locator("#failures-list details").get_attribute("open") is not None  # through all of this

        (tmp_path / "fail-1").unlink()
        assert start(tmp_path, "execute", "--short").wait().code == 0
        see(page, "#sentence", "All 5 tasks are finished.")
        expect(page).to_have_title("100% jugfile.py", timeout=PATIENCE)
        expect(page.locator("#failures")).to_be_hidden()
        expect(page.locator(".notice")).to_have_count(0)
        assert names(page) == ["jugfile.step", "jugfile.report"]
        assert cells(page, 3) == ["4\u2009/\u20094", "1\u2009/\u20091"]
        assert page.evaluate("window.marker") == "never loaded again"


def test_what_a_worker_has_left_behind_is_told_until_another_one_takes_it_over(tmp_path, open_page):
    write(tmp_path, JUGFILE)
    workers = [start(tmp_path, "execute", "--short") for _ in range(2)]
    with Watching(tmp_path, "--interval", "0.1") as watching:
        page = open_page(watching)
        expect(page.locator("#legend")).to_contain_text("2running", timeout=PATIENCE)
        expect(page.locator("th[data-key=abandoned]")).to_be_hidden()
        expect(page.locator("#legend")).not_to_contain_text("abandoned")
        lose(workers[0])
        expect(page.locator("#legend")).to_contain_text("1abandoned", timeout=PATIENCE)
        expect(page.locator("th[data-key=abandoned]")).to_be_visible()
        assert cells(page, 7) == ["1"]
        see(page, "#workers-count", "1")
        expect(page.locator("#workers-list .gone")).to_contain_text(f"process {workers[0].pid} of ")
        expect(page.locator("#workers-list .gone")).to_contain_text("to run again when a worker comes")
        for n in range(4):
            (tmp_path / f"go-{n}").touch()
        see(page, "#sentence", "All 5 tasks are finished.")
        expect(page.locator("th[data-key=abandoned]")).to_be_hidden()
        expect(page.locator("#workers")).to_be_hidden(timeout=PATIENCE)
    assert workers[1].wait().code == 0


def test_many_names_are_sorted_and_filtered_by_clicking_and_typing(tmp_path, open_page):
    named_tasks(tmp_path, 300)
    with Watching(tmp_path, "--interval", "0.2") as watching:
        page = open_page(watching)
        see(page, "#names-count", "300")
        in_order = [f"pipeline.step_{i:03}" for i in range(300)]
        assert names(page) == in_order

        page.click("th[data-key=ready] button")
        expect(page.locator("th[data-key=ready]")).to_have_attribute("aria-sort", "descending")
        ready = [int(cell) for cell in cells(page, 8)]
        assert ready == sorted(ready, reverse=True) and ready[0] == 40
        page.click("th[data-key=ready] button")
        expect(page.locator("th[data-key=ready]")).to_have_attribute("aria-sort", "ascending")
        assert [int(cell) for cell in cells(page, 8)] == sorted(ready)
        page.click("th[data-key=ready] button")
        assert names(page) == in_order
        page.click("th[data-key=name] button")
        page.click("th[data-key=name] button")
        assert names(page) == in_order[::-1]

        page.fill("#filter", "STEP_01")
        see(page, "#names-count", "10 of 300")
        page.fill("#filter", "29 step")
        assert set(names(page)) == {"pipeline.step_029", "pipeline.step_129", "pipeline.step_229"} | {
            f"pipeline.step_29{i}" for i in range(10)
        }
        page.fill("#filter", "nothing like that")
        see(page, "#nothing", "No name contains “nothing like that”.")
        page.fill("#filter", "")
        assert len(names(page)) == 300


def test_of_thousands_of_names_only_some_are_drawn_until_all_are_wanted(tmp_path, open_page):
    named_tasks(tmp_path, 3000)
    with Watching(tmp_path) as watching:
        page = open_page(watching)
        expect(page.locator("#rows tr")).to_have_count(400)
        page.fill("#filter", "2999")
        assert names(page) == ["pipeline.step_2999"]
        page.fill("#filter", "")
        page.click("text=Show all 3\u202f000")
        expect(page.locator("#rows tr")).to_have_count(3000)


def test_names_are_text_whatever_they_are(tmp_path, open_page):
    strange = [
        "<script>window.broken = 1</script>",
        "<img src=x onerror='window.broken=1'>",
        "a\"b'c&amp;d",
        "naïve.日本.🙂",
        "x" * 300,
    ]
    write(
        tmp_path,
        f"""
        from jug import Task

        def work(x):
            raise ValueError("<script>window.broken = 1</script>")

        for name in {strange!r}:
            Task(work, name).name = name
        """,
    )
    assert start(tmp_path, "execute", "--short", "--keep-going").wait().code == 1
    with Watching(tmp_path) as watching:
        page = open_page(watching, 360, 740)
        assert names(page) == strange
        see(page, "#failures-count", "5")
        page.click("text=Show all 5")
        assert page.locator(".error").all_inner_texts() == ["ValueError: <script>window.broken = 1</script>"] * 5
        for number in range(5):
            page.locator("#failures-list summary").nth(number).click()
            expect(page.locator("#failures-list pre").nth(number)).to_contain_text("raise ValueError")
        assert page.evaluate("window.broken") is None
        assert page.evaluate("document.querySelectorAll('main script, main img').length") == 0
        assert overflow(page) == 0


def test_no_script_but_its_own_is_run_in_the_page_and_no_other_page_can_frame_it(tmp_path, browser):
    use(tmp_path, "chain.py")
    with Watching(tmp_path) as watching:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(watching.url)
        refused, is_unchanged = page.evaluate(
            """async () => {
                const refused = new Promise(done =>
                    document.addEventListener("securitypolicyviolation", e => done(e.effectiveDirective)));
                const script = document.createElement("script");
                script.textContent = "window.changed = 1";
                document.body.append(script);
                return [await refused, window.changed === undefined];
            }"""
        )
        assert refused.startswith("script-src") and is_unchanged
        (tmp_path / "other.html").write_text(f'<iframe src="{watching.url}"></iframe>')
        page.goto((tmp_path / "other.html").as_uri())
        (frame,) = page.main_frame.child_frames
        assert frame.locator("#percent").count() == 0 and frame.url.startswith("chrome-error:")
        context.close()


def overflow(page):
    """How many pixels would have to be scrolled to the side."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("count", [3, 300])
def test_on_a_phone_nothing_is_beyond_the_edge(tmp_path, open_page, count, scheme):
    named_tasks(tmp_path, count)
    with Watching(tmp_path) as watching:
        page = open_page(watching, 360, 740, color_scheme=scheme, is_mobile=True, has_touch=True)
        expect(page.locator("#rows tr")).to_have_count(count)
        assert overflow(page) == 0
        page.tap("th[data-key=waiting] button")
        expect(page.locator("th[data-key=waiting]")).to_have_attribute("aria-sort", "descending")
        dark, text = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        brightness = [sum(map(int, re.findall(r"\d+", colour))) for colour in (dark, text)]
        assert (brightness[0] < brightness[1]) == (scheme == "dark")


def test_bars_and_tables_say_to_those_who_cannot_see_them_what_they_show(tmp_path, open_page):
    named_tasks(tmp_path, 3)
    with Watching(tmp_path) as watching:
        page = open_page(watching)
        bar = page.get_by_role("progressbar", name="pipeline.step_002")
        expect(bar).to_have_attribute("aria-valuetext", "3 ready, of 3")
        expect(bar).to_have_attribute("aria-valuemax", "3")
        expect(page.get_by_role("progressbar", name="All tasks")).to_have_attribute("aria-valuenow", "0")
        expect(page.get_by_role("row")).to_have_count(4)
        expect(page.get_by_role("columnheader")).to_have_count(7)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "filter"


def test_a_jugfile_without_tasks_is_told_as_that(tmp_path, open_page):
    write(tmp_path, "")
    with Watching(tmp_path) as watching:
        page = open_page(watching)
        see(page, "#sentence", "The jugfile has no tasks.")
        expect(page.locator("#names")).to_be_hidden()
        expect(page.locator("#total-bar")).to_be_hidden()


def test_when_all_that_is_left_needs_failed_tasks_that_is_said(tmp_path, open_page):
    write(tmp_path, JUGFILE.replace("barrier()\nreport(value(steps))", "report(steps)"))
    (tmp_path / "fail-1").touch()
    for n in range(4):
        (tmp_path / f"go-{n}").touch()
    assert start(tmp_path, "execute", "--short", "--keep-going").wait().code == 1
    with Watching(tmp_path) as watching:
        page = open_page(watching)
        see(page, "#sentence", "3 of 5 tasks finished")
        see(page, "#speed", "1 task waits for failed ones.")


def test_an_error_of_the_jugfile_is_told_with_its_traceback_on_a_click(tmp_path, open_page):
    write(tmp_path, JUGFILE.replace("report(value", "1 / 0; report(value"))
    for n in range(4):
        (tmp_path / f"go-{n}").touch()
    with Watching(tmp_path, "--interval", "0.1") as watching:
        page = open_page(watching)
        assert start(tmp_path, "execute", "--short").wait().code == 1
        notice = page.locator(".notice.bad")
        expect(notice).to_contain_text("The jugfile 'jugfile.py' raised ZeroDivisionError", timeout=PATIENCE)
        notice.locator("summary").click()
        expect(notice.locator("pre")).to_contain_text("ZeroDivisionError: division by zero")


def test_when_the_server_is_gone_the_page_says_so_and_recovers_by_itself(tmp_path, open_page):
    named_tasks(tmp_path, 3)
    with Watching(tmp_path, "--interval", "0.1") as watching:
        page = open_page(watching)
        page.evaluate("window.marker = 1")
        os.kill(watching.process.pid, signal.SIGSTOP)  # frozen is not gone: what was last seen stays
        see(page, "#sentence", "0 of 6 tasks finished")
        os.kill(watching.process.pid, signal.SIGCONT)
        os.kill(watching.process.pid, signal.SIGTERM)
        watching.process.wait()
        expect(page.locator(".notice.bad")).to_contain_text("The server has not answered since", timeout=PATIENCE)
        see(page, "#freshness", "No answer")
        see(page, "#sentence", "0 of 6 tasks finished")
        expect(page).to_have_title("? 0% jugfile.py")

        named_tasks(tmp_path, 4)
        port = watching.url.rstrip("/").rpartition(":")[2]
        again = start(tmp_path, "webstatus", "--port", port)
        try:
            see(page, "#sentence", "0 of 10 tasks finished")
            expect(page.locator(".notice.bad")).to_have_count(0)
            expect(page.locator("#freshness")).to_have_class("freshness live")
            assert page.evaluate("window.marker") == 1
        finally:
            again.kill()

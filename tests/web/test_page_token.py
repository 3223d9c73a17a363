"""The page in a real browser where it needs the token."""

import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from debian import program
from processes import jug, use
from watching import CHROMIUM, Watching

playwright = pytest.importorskip("playwright.sync_api")
pytest.importorskip("starlette")
expect = playwright.expect

pytestmark = pytest.mark.xdist_group("browser")

PATIENCE = 60_000


@pytest.fixture(scope="module")
def watching(tmp_path_factory):
    where = tmp_path_factory.mktemp("watched")
    use(where, "chain.py")
    assert jug(where, "execute", "--short").code == 0
    with Watching(where, "--ip", "0.0.0.0") as watching:
        watching.url = watching.url.replace(socket.gethostname(), "127.0.0.1")
        yield watching


@pytest.fixture
def page():
    with playwright.sync_playwright() as driver:
        path = program("chromium", "chromium")
        browser = driver.chromium.launch(executable_path=path, args=CHROMIUM, headless=True)
        page = browser.new_context().new_page()
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def see_all_finished(page, watching):
    expect(page.locator("#percent")).to_have_text("100%", timeout=PATIENCE)
    assert page.url == watching.url
    assert "token" not in page.evaluate("location.href + document.cookie + JSON.stringify(history.state)")


def test_the_printed_address_leads_to_the_page_and_the_browser_remembers(watching, page):
    assert page.goto(watching.url).status == 403
    page.goto(f"{watching.url}?token={watching.token}")
    page.wait_for_url(watching.url)
    see_all_finished(page, watching)
    with page.expect_response(re.compile("status.json")) as asked:
        pass
    assert asked.value.status in (200, 304)
    page.reload()
    see_all_finished(page, watching)
    again = page.context.new_page()
    again.goto(watching.url)
    see_all_finished(again, watching)
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["value"]) == (True, "Strict", watching.token)
    assert page.context.browser.new_context().new_page().goto(watching.url).status == 403


def test_a_page_whose_token_is_not_good_any_more_says_so(watching, page):
    page.goto(f"{watching.url}?token={watching.token}")
    page.wait_for_url(watching.url)
    see_all_finished(page, watching)
    page.context.clear_cookies()
    told = "The server asks for another token: open the address that it has printed."
    expect(page.locator(".notice.bad")).to_have_text(told, timeout=PATIENCE)
    see_all_finished(page, watching)
    page.goto(f"{watching.url}?token={watching.token}")
    expect(page.locator(".notice.bad")).to_have_count(0)


class OtherSite(BaseHTTPRequestHandler):
    """A page with a link, as in a mail or a chat."""

    link = ""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f'<a href="{self.link}">status</a>'.encode())

    def log_message(self, *args):
        pass


def test_a_click_on_the_address_in_a_page_of_another_site_leads_there_too(watching, page):
    OtherSite.link = f"{watching.url}?token={watching.token}"
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherSite) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            page.goto(f"http://localhost:{server.server_port}/")
            page.click("text=status")
            page.wait_for_url(watching.url)
            see_all_finished(page, watching)
        finally:
            server.shutdown()
            thread.join()

"""The documentation site, as `make docs` builds it: whole, with nothing from elsewhere, and searched in a browser."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.acceptance.browser import open_browser
from tests.integration.typescript import client_folder
from tests.support.chromium import find_browser
from tests.support.node_packages import node_is_missing

ROOT = Path(__file__).resolve().parents[3]
PAGES = [path for path in (ROOT / "docs").rglob("*.md") if "decisions" not in path.parts]
FETCHED = re.compile(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]+)"|<link\b[^>]*\bhref="([^"]+)"[^>]*>""")

# Types words into the search field, and tells whether a page is among the results. The field is empty while it loads.
SEARCH = """(() => {
  const field = document.querySelector(".md-search__input");
  if (field === null) return false;
  field.focus();
  field.value = %s;
  field.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true }));
  return [...document.querySelectorAll(".md-search-result a")].some((it) => it.href.includes(%s));
})()"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built strictly: a broken link or anchor, and a page that no menu has, end the build."""
    if not node_is_missing():
        client_folder.require_packages()
        client_folder.run("npm", "run", "--silent", "docs")
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(target)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture
async def address(site: Path) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_static("/", site)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "docs")))
def test_every_page_is_in_the_site(site: Path, page: Path) -> None:
    assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).exists()


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        fetched = [one or other for one, other in FETCHED.findall(page.read_text(encoding="utf-8"))]
        assert [it for it in fetched if re.match(r"(?:https?:)?//", it)] == [], page


@pytest.mark.skipif(bool(node_is_missing()), reason="the pages about the TypeScript API are made with Node")
def test_the_typescript_api_is_described(site: Path) -> None:
    react = (site / "api" / "typescript" / "react.html").read_text(encoding="utf-8")

    assert "useJob" in react
    assert "The TypeScript API" in (site / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("start", "words", "page"),
    [("index.html", "merge gap", "merge.html"), ("ja/index.html", "コンソール", "ja/getting-started.html")],
)
async def test_a_reader_finds_a_page_by_its_words(
    address: str, tmp_path: Path, start: str, words: str, page: str
) -> None:
    if (program := find_browser()) is None:
        pytest.skip("no Chromium was found; install it (apt-get install chromium) to search the site in a browser")
    async with open_browser(program, tmp_path / "profile") as browser:
        await browser.open(f"{address}/{start}")
        await browser.until(SEARCH % (json.dumps(words), json.dumps(f"/{page}")), timeout=60.0)
        assert all(url.startswith((address, "data:", "about:", "blob:")) for url in browser.requested)

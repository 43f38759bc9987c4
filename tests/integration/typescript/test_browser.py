"""The TypeScript client in a real browser, on a stack that loses pushes: the page shows what the workload wrote."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import jwt
import pytest
from aiohttp import web
from yarl import URL

from chalicelib.api.tokens import LEEWAY
from chalicelib.workloads.simulated import DEFAULT_WORDS, text
from local_stack.folder_secret import folder_secret
from tests.acceptance.browser import Page, open_browser
from tests.acceptance.stack import LocalStack, running_stack
from tests.integration.typescript.client_folder import LOSSES, bundle, require_packages
from tests.support.chromium import find_browser
from tests.support.served import Handler, served

MANY: Final = 200  # jobs at once in one tab
DEADLINE: Final = 120.0  # seconds until jobs have ended, on a busy machine
LARGE: Final = "海の便り, a long letter. 𝄞\n" * 12_000  # over 256 KiB: uploaded as a prompt, stored as a result
HTML: Final = '<!doctype html><meta charset="utf-8"><body><script src="/page.js"></script>'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    require_packages()
    data = tmp_path_factory.mktemp("stack") / "data"
    environment = {"LONGCALL_QUOTA": str(2 * MANY)}
    with running_stack(data, "--chaos", LOSSES, "--jobs", "6", environment=environment) as stack:
        yield stack


@pytest.fixture(scope="module")
def page_url(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """The server of the page, on a port of its own. It also signs tokens."""
    script = tmp_path_factory.mktemp("page") / "page.js"
    bundle("tests/live/page.ts", script, "--format=iife", "--platform=browser")
    account = asyncio.run(stack.sign_in()())
    sign = _signer(stack.data, account)
    with served(lambda _url: _server(script.read_text(), sign)) as url:
        yield URL(url)


def _server(script: str, sign: Callable[[float], str]) -> Handler:
    async def handle(request: web.BaseRequest, _headers: Mapping[str, str]) -> web.StreamResponse:
        match request.path:
            case "/page.js":
                return web.Response(text=script, content_type="text/javascript")
            case "/token":
                return web.Response(text=sign(float(request.query["life"])))
            case _:
                return web.Response(text=HTML, content_type="text/html")

    return handle


def _signer(data: Path, token: str) -> Callable[[float], str]:
    """Returns a function that signs a token like this one, which the API accepts for so many seconds."""
    claims = jwt.decode(token, options={"verify_signature": False})
    headers, key = jwt.get_unverified_header(token), folder_secret(data).signing_key

    def sign(life: float) -> str:
        now = time.time()
        return jwt.encode(claims | {"iat": int(now), "exp": now + life - LEEWAY}, key, "RS256", headers=headers)

    return sign


class Tab:
    """The page that follows jobs, in a browser of its own."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def run(self, *inputs: Mapping[str, Any]) -> None:
        await self.page.value(f"page.run(...{json.dumps(inputs)})")

    async def shown(self) -> list[dict[str, Any]]:
        """What is shown of each job, once all jobs have ended."""
        shown: list[dict[str, Any]] = await self.page.until("page.shown()", timeout=DEADLINE)
        return shown

    async def counts(self) -> dict[str, int]:
        counts: dict[str, int] = await self.page.value("page.counts()")
        return counts


@asynccontextmanager
async def tab(page_url: URL, stack: LocalStack, profile: Path, *, life: float = 600) -> AsyncIterator[Tab]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium was found; install it (apt-get install chromium) to test the client in a browser")
    async with open_browser(program, profile) as page:
        await page.open(str(page_url.with_query(graphqlUrl=stack.url, life=life)))
        await page.until("globalThis.page !== undefined")
        yield Tab(page)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def story(prompt: str, words: int = DEFAULT_WORDS) -> str:
    """What `simulated.story` writes."""
    return "".join(islice(text("simulated.story", prompt), words))


def completed(output: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of a job that wrote this output."""
    return {
        "jobId": shown["jobId"], "status": "COMPLETED", "sha256": digest(output), "isResult": True, "inOrder": True
    }  # fmt: skip


Sleep = Callable[[Page], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def frozen(page: Page) -> AsyncIterator[None]:
    """The tab is in the background, and frozen, as before a laptop sleeps."""
    own = (await page.call("Target.getTargetInfo"))["targetInfo"]["targetId"]
    await page.call("Target.createTarget", url="about:blank")
    await page.until('document.visibilityState === "hidden"')
    await page.call("Page.setWebLifecycleState", state="frozen")
    yield
    await page.call("Page.setWebLifecycleState", state="active")
    await page.call("Target.activateTarget", targetId=own)
    await page.until('document.visibilityState === "visible"')


@asynccontextmanager
async def offline(page: Page) -> AsyncIterator[None]:
    """The tab has no network."""
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    await page.call("Network.emulateNetworkConditions", offline=True, **conditions)
    await page.until("!navigator.onLine")
    yield
    await page.call("Network.emulateNetworkConditions", offline=False, **conditions)


async def test_a_page_shows_what_workloads_write_byte_for_byte(
    page_url: URL, stack: LocalStack, tmp_path: Path
) -> None:
    async with tab(page_url, stack, tmp_path) as opened:
        await opened.run(
            {"prompt": "ships", "model": "simulated.story", "processTime": 2},
            {"prompt": LARGE, "model": "simulated.echo"},
            {"prompt": "ships", "model": "simulated.crash-once", "processTime": 1},
            {"prompt": "ships", "model": "simulated.error", "processTime": 1},
            {"prompt": "ships", "model": "simulated.story", "processTime": 600},
        )
        await opened.page.until("page.begun() === 5")
        await opened.page.value("page.client.cancel(page.jobId(4)).then(() => true)")

        story_, large, crashed, failed, cancelled = await opened.shown()

        assert story_ == completed(story("ships"), story_)
        assert large == completed(LARGE, large)
        crash_once = "".join(islice(text("simulated.crash-once", "ships"), DEFAULT_WORDS))
        assert crashed == completed(crash_once, crashed)
        half = "".join(islice(text("simulated.error", "ships"), DEFAULT_WORDS // 2))
        assert (failed["status"], failed["sha256"], failed["inOrder"]) == ("FAILED", digest(half), True)
        assert (cancelled["status"], cancelled["inOrder"]) == ("CANCELLED", True)
        assert (await opened.counts())["heals"] > 0, "no push was lost: the test shows nothing"


async def test_one_tab_follows_200_jobs_at_once(page_url: URL, stack: LocalStack, tmp_path: Path) -> None:
    prompts = [f"Job {number}" for number in range(MANY)]
    async with tab(page_url, stack, tmp_path) as opened:
        await opened.run(
            *({"prompt": prompt, "model": "simulated.story", "processTime": 0.2, "maxTokens": 60} for prompt in prompts)
        )

        shown = await opened.shown()

    assert shown == [completed(story(prompt, 60), it) for prompt, it in zip(prompts, shown, strict=True)]


async def test_a_job_outlives_several_tokens(page_url: URL, stack: LocalStack, tmp_path: Path) -> None:
    async with tab(page_url, stack, tmp_path, life=1.0) as opened:
        await opened.run({"prompt": "ships", "model": "simulated.story", "processTime": 4})

        [shown] = await opened.shown()

        assert shown == completed(story("ships"), shown)
        assert (await opened.counts())["refused"] >= 2, "no token expired: the test shows nothing"


async def test_a_page_follows_its_jobs_through_a_restart_of_the_server(
    page_url: URL, stack: LocalStack, tmp_path: Path
) -> None:
    prompts = [f"Restart {number}" for number in range(5)]
    async with tab(page_url, stack, tmp_path) as opened:
        await opened.run(*({"prompt": prompt, "model": "simulated.story", "processTime": 4} for prompt in prompts))
        await opened.page.until("page.begun() === 5")
        await asyncio.to_thread(stack.kill)
        await opened.page.until('page.links.at(-1) === "lost"')
        await asyncio.to_thread(stack.start)

        shown = await opened.shown()

    assert shown == [completed(story(prompt), it) for prompt, it in zip(prompts, shown, strict=True)]


@pytest.mark.parametrize("sleep", [frozen, offline])
async def test_a_page_that_was_asleep_shows_what_happened_meanwhile(
    sleep: Sleep, page_url: URL, stack: LocalStack, tmp_path: Path
) -> None:
    async with tab(page_url, stack, tmp_path) as opened, stack.client() as client:
        await opened.run({"prompt": "ships", "model": "simulated.story", "processTime": 6})
        await opened.page.until("page.begun() === 1")
        job_id = await opened.page.value("page.jobId(0)")
        async with sleep(opened.page):
            async for view in client.watch(job_id):
                last = view
            assert last.output == story("ships")
            assert story("ships") != await opened.page.value("document.querySelector('pre').textContent")

        [shown] = await opened.shown()

    assert shown == completed(story("ships"), shown)

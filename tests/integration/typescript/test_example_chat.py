"""`examples/chat` in a real browser: an answer continues after a reload, and Stop ends its job on the server."""

import json
import mimetypes
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from longcall.cli.environment import Format, settings
from longcall.cli.stack import read_stack
from tests.acceptance.browser import Page, open_browser
from tests.acceptance.stack import LocalStack, running_stack
from tests.integration.typescript.client_folder import CLIENT, LOSSES, TIMEOUT, require_packages
from tests.support import node_packages
from tests.support.chromium import find_browser
from tests.support.node_packages import found
from tests.support.served import Handler, served

EXAMPLE: Final = CLIENT.parents[1] / "examples" / "chat"
PICTURES: Final = os.environ.get("LONGCALL_PICTURES")  # a folder for screenshots
ANSWER: Final = '[...document.querySelectorAll(".answer")].at(-1)'
TEXT: Final = f'({ANSWER}?.querySelector("p")?.textContent ?? "")'
STATUS: Final = f"{ANSWER}?.dataset.status"
JOB: Final = f"{ANSWER}?.dataset.jobId"
STOP: Final = 'document.querySelector("button.stop")'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    require_packages()
    node_packages.install(EXAMPLE)
    with running_stack(tmp_path_factory.mktemp("stack") / "data", "--chaos", LOSSES) as stack:
        yield stack


@pytest.fixture(scope="module")
def url(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The example, built for the stack with the settings that `longcall env` prints."""
    folder = tmp_path_factory.mktemp("chat")
    variables = json.loads(settings(read_stack(stack.data / "stack.json"), Format.VITE, as_json=True))
    run("check", {})
    run("build", variables, "--outDir", str(folder), "--emptyOutDir", "--logLevel", "error")
    with served(lambda _url: _files(folder)) as url:
        yield url


def run(script: str, variables: Mapping[str, str], *arguments: str) -> None:
    """Run a script of the example's package."""
    command = [found("npm"), "run", "--silent", script, "--", *arguments]
    done = subprocess.run(
        command, cwd=EXAMPLE, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
        timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def _files(folder: Path) -> Handler:
    async def handle(request: web.BaseRequest, _headers: Mapping[str, str]) -> web.StreamResponse:
        file = folder / (request.path.removeprefix("/") or "index.html")
        return web.Response(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])

    return handle


@asynccontextmanager
async def signed_in(address: str, stack: LocalStack, profile: Path) -> AsyncIterator[Page]:
    """The page at an address, in a browser of its own, after its form for signing in."""
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium was found; install it (apt-get install chromium) to test the example in a browser")
    account = stack.description["users"][0]
    async with open_browser(program, profile) as page:
        await page.open(address)
        await page.until('document.querySelector("input[name=user]") !== null')
        await fill(page, "input[name=user]", account["username"])
        await fill(page, "input[name=password]", account["password"])
        await page.value('document.querySelector("form button").click()')
        await page.until('document.querySelector("textarea") !== null')
        yield page


async def fill(page: Page, selector: str, text: str) -> None:
    await page.value(f"document.querySelector({json.dumps(selector)}).focus()")
    await page.call("Input.insertText", text=text)


async def ask(page: Page, question: str) -> None:
    """Send a question, and wait for the first words of its answer."""
    answers = await page.value('document.querySelectorAll(".answer").length')
    await fill(page, "textarea", question)
    await page.value("document.querySelector('form.ask button').click()")
    await page.until(f'document.querySelectorAll(".answer").length === {answers + 1} && {TEXT} !== ""')


async def reload(page: Page) -> None:
    await page.value("globalThis.isOld = true")
    await page.call("Page.reload")
    await page.until("globalThis.isOld === undefined && document.querySelector('.answer') !== null")


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.picture(Path(PICTURES) / f"{name}.png")


async def test_an_answer_continues_after_a_reload_and_in_another_browser(
    url: str, stack: LocalStack, tmp_path: Path
) -> None:
    async with signed_in(url, stack, tmp_path / "one") as page, stack.client() as client:
        await ask(page, "Tell me about ships")
        await picture(page, "answering")
        await reload(page)
        await page.until(f"{STOP} !== null")
        async with signed_in(await page.value("location.href"), stack, tmp_path / "two") as other:
            await other.until(f'{TEXT} !== "" && {STOP} !== null')
            shown = []
            for each in (page, other):
                await each.until(f'{STATUS} === "COMPLETED" && {STOP} === null', timeout=TIMEOUT)
                shown.append(await each.value(TEXT))
            await picture(page, "answered")
            await picture(other, "other-browser")

        view = await client.get(await page.value(JOB))
        assert shown == [view.result, view.result]
        assert page.complaints == []


async def test_stop_ends_the_job_on_the_server_also_after_a_reload(url: str, stack: LocalStack, tmp_path: Path) -> None:
    async with signed_in(url, stack, tmp_path / "one") as page, stack.client() as client:
        for question in ("Tell me about the sea", "And about the harbour"):
            await ask(page, question)
            if question.startswith("And"):
                await reload(page)
            await page.until(f"{STOP} !== null")
            await page.value(f"{STOP}.click()")
            await page.until(f"{STOP} === null")
            async for view in client.watch(await page.value(JOB)):
                last = view
            assert last.status == "CANCELLED"
        await picture(page, "stopped")
        await reload(page)
        await page.until(f'{STATUS} === "CANCELLED"')
        assert await page.value(TEXT) == last.output

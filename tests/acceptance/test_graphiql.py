"""GraphiQL at `/graphiql`, in a real browser, on a whole stack."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.acceptance.browser import Page, find_browser, open_browser
from tests.acceptance.stack import LocalStack

PICTURES = os.environ.get("LONGCALL_PICTURES")  # a folder for screenshots
STATUS = '(document.getElementById("status")?.textContent ?? "")'
RESULT = (
    '(document.querySelector(".result-window .CodeMirror, .result-window.CodeMirror")?.CodeMirror.getValue() ?? "")'
)


def address(stack: LocalStack) -> str:
    """The address of the page, under another name than the stack's own: everything must be requested from there."""
    return stack.url.replace("/graphql", "/graphiql").replace("127.0.0.1", "localhost")


@pytest.fixture
async def page(stack: LocalStack, tmp_path: Path) -> AsyncIterator[Page]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium was found; install it (apt-get install chromium) to test GraphiQL in a browser")
    async with open_browser(program, tmp_path / "profile") as page:
        await page.open(address(stack))
        yield page


async def run_tab(page: Page, name: str) -> None:
    """Open the tab of an operation and run it."""
    tab = f'[...document.querySelectorAll(".graphiql-tab-button")].find(tab => tab.textContent === "{name}")'
    button = 'document.querySelector(".graphiql-execute-button")'
    query = 'document.querySelector(".graphiql-query-editor .CodeMirror")?.CodeMirror.getValue()'
    await page.until(f"!!{tab}")
    await page.value(f"{tab}.click()")
    # GraphiQL detects the chosen operation a moment after the text has changed.
    noticed = f'localStorage.getItem("graphiql:operationName") === "{name}"'
    await page.until(f'{query}?.includes(" {name}") && {button}?.ariaLabel.startsWith("Execute") && {noticed}')
    await page.value(f"{button}.click()")


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.picture(Path(PICTURES) / f"{name}.png")


async def test_a_job_is_watched_started_and_read_without_other_network_access(page: Page, stack: LocalStack) -> None:
    ada, grace = (user["username"] for user in stack.description["users"][:2])
    await page.until(f'{STATUS} === "signed in as {ada}"')

    await run_tab(page, "Follow")
    await page.until(f'{STATUS} === "subscribed, waiting for events"')
    await picture(page, "subscribed")
    # GraphiQL ends a subscription when its tab closes, so the job is started outside of it.
    started = await page.value(
        f"""(async () => {{
          const shown = document.querySelectorAll(".graphiql-editors .CodeMirror")[1].CodeMirror.getValue();
          const {{ tabs }} = await (await fetch("/graphiql/settings.json")).json();
          const wanted = {{ method: "POST", body: JSON.stringify({{ user: "{ada}", method: "lambda" }}) }};
          const {{ headers }} = await (await fetch("/graphiql/sign-in", wanted)).json();
          const input = {{ ...tabs[1].variables.input, ...JSON.parse(shown), processTime: 0 }};
          return appsync.ask({{ query: tabs[1].query, variables: {{ input }} }}, headers);
        }})()"""
    )
    assert started["data"]["startInference"]["status"] == "PENDING"
    await page.until(f'{RESULT}.includes("COMPLETED")')
    assert "subscribed" in await page.value(STATUS)
    await picture(page, "followed")

    await run_tab(page, "Log")
    await page.until(f'{STATUS}.startsWith("answered in")')
    await page.until(f'{RESULT}.includes("inferenceEvents") && {RESULT}.includes("COMPLETED")')
    await picture(page, "log")

    # Another user's token replaces the prefilled token in every tab.
    await page.value(
        f'(() => {{ const user = document.getElementById("user"); user.value = "{grace}"; user.onchange(); }})()'
    )
    await page.until(f'{STATUS} === "signed in as {grace}"')
    await run_tab(page, "Log")
    await page.until(f'{STATUS}.includes(" after ") || {STATUS}.startsWith("answered in")')
    await page.until(f'!{RESULT}.includes("COMPLETED")')
    await picture(page, "another-user")

    own = urlsplit(address(stack)).netloc
    assert {urlsplit(url).netloc for url in page.requested if not url.startswith(("data:", "blob:", "about:"))} == {own}
    assert page.complaints == []

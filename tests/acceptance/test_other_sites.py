"""Pages of other sites in a real browser: nothing of a stack answers them, unless their origin is allowed."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local_stack.addresses import BUCKET_PATH
from local_stack.services.bucket import BUCKET
from longcall import LambdaToken
from tests.acceptance.browser import Page, open_browser
from tests.acceptance.stack import LocalStack, running_stack
from tests.support.chromium import find_browser

ALLOWED, EVIL, REBOUND = "app.example", "evil.example", "rebound.example"  # names that lead the browser to this machine
JOBS = "query { listInferences { items { jobId } } }"
START = 'mutation { startInference(input: {prompt: "Hi", model: "simulated.story"}) { jobId } }'

# Each ends with text: what the page has read, or that it has read nothing.
FETCH = """
  fetch({url}, {options}).then(response => response.text(), error => "nothing: " + error)
"""
SOCKET = """
  new Promise(done => {{
    const socket = new WebSocket({url}, {protocols});
    socket.onopen = () => socket.send(JSON.stringify({{ type: "connection_init" }}));
    socket.onmessage = ({{ data }}) => done(data);
    socket.onclose = () => done("nothing: closed");
  }})
"""
IMAGE = """
  new Promise(done => {{
    const image = new Image();
    image.onload = () => done("an image");
    image.onerror = () => done("nothing: no image");
    image.src = {url};
  }})
"""
FORM = """
  new Promise(done => {{
    const frame = document.createElement("iframe");
    frame.name = String(Math.random());
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, {{ method: "post", action: {url}, enctype: "text/plain", target: frame.name }});
    const input = document.createElement("input");
    Object.assign(input, {{ name: {body}, value: "" }});
    form.append(input);
    document.body.append(form);
    frame.onload = () => done("nothing: a page of another origin");
    form.submit();
  }})
"""
FRAME = """
  new Promise(done => {{
    const frame = document.createElement("iframe");
    frame.onload = () => done("nothing: a page of another origin");
    frame.src = {url};
    document.body.append(frame);
  }})
"""


class EmptyPage(BaseHTTPRequestHandler):
    """The same empty page at every path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,><title>A page</title>")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """The port of a server of empty pages."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def open_stack(pages: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack that allows one other site."""
    data = tmp_path_factory.mktemp("sites") / "data"
    with running_stack(data, "--origin", f"http://{ALLOWED}:{pages}") as stack:
        yield stack


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium was found; install it (apt-get install chromium) to test pages of other sites")
    names = ", ".join(f"MAP {name} 127.0.0.1" for name in (ALLOWED, EVIL, REBOUND))
    async with open_browser(program, tmp_path / "profile", f"--host-resolver-rules={names}") as page:
        yield page


async def visit(page: Page, url: str) -> None:
    await page.open(url)
    await page.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")
    page.statuses.clear()


async def token(stack: LocalStack) -> str:
    """A valid token: even a page that has one gets nothing."""
    return (await LambdaToken(stack.sign_in()).headers())["Authorization"]


def fetch(url: str, **options: object) -> str:
    return FETCH.format(url=json.dumps(url), options=json.dumps(options))


def ask(url: str, query: str, authorization: str) -> str:
    headers = {"authorization": authorization, "content-type": "application/json"}
    return fetch(url, method="POST", headers=headers, body=json.dumps({"query": query}))


def sign_in(stack: LocalStack) -> str:
    """Sign the first test user in, with the documented password."""
    user = stack.description["users"][0]
    headers = {
        "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth", "content-type": "application/x-amz-json-1.1",
    }  # fmt: skip
    body = {
        "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": stack.description["clientId"],
        "AuthParameters": {"USERNAME": user["username"], "PASSWORD": user["password"]},
    }  # fmt: skip
    return fetch(stack.description["cognitoUrl"], method="POST", headers=headers, body=json.dumps(body))


def socket(url: str) -> str:
    return SOCKET.format(url=json.dumps(url), protocols='["graphql-ws"]')


async def test_a_page_of_another_site_reads_nothing_and_starts_nothing(
    page: Page, open_stack: LocalStack, pages: int
) -> None:
    authorization, graphql = await token(open_stack), open_stack.url
    root = graphql.removesuffix("/graphql")
    async with open_stack.client() as client:
        before = [job.job_id for job in (await client.list()).jobs]
    wanted = json.dumps({"user": open_stack.description["users"][0]["username"], "method": "lambda"})
    await visit(page, f"http://{EVIL}:{pages}/")

    attacks = {
        "ask": ask(graphql, JOBS, authorization),
        "start": ask(graphql, START, authorization),
        "start without a preflight": fetch(graphql, method="POST", mode="no-cors", body=json.dumps({"query": START})),
        "sign in": fetch(f"{root}/console/sign-in", method="POST", mode="no-cors", body=wanted),
        "settings": fetch(f"{root}/console/config.json"),
        "chaos": fetch(f"{root}/chaos", method="PUT", body="drop=1"),
        "meter": fetch(f"{root}/meter", mode="no-cors"),
        "doctor": fetch(f"{root}/doctor", method="POST", mode="no-cors", body="{}"),
        "Cognito": sign_in(open_stack),
        "Cognito without a preflight": fetch(
            open_stack.description["cognitoUrl"], method="POST", mode="no-cors", body=wanted
        ),
        "bucket": fetch(f"{root}{BUCKET_PATH}/{BUCKET}"),
        "subscribe": socket(open_stack.description["realtimeUrl"]),
        "subscribe at the other path": socket(open_stack.description["realtimeUrl"] + "/realtime"),
        "image": IMAGE.format(url=json.dumps(f"{root}/meter")),
        "form": FORM.format(url=json.dumps(graphql), body=json.dumps(json.dumps({"query": START, "x": ""})[:-2])),
        "form that signs in": FORM.format(url=json.dumps(f"{root}/console/sign-in"), body=json.dumps(wanted)),
        "frame": FRAME.format(url=json.dumps(f"{root}/")),
    }
    read = {name: await page.value(attack) for name, attack in attacks.items()}

    assert {name: text for name, text in read.items() if text and not text.startswith("nothing")} == {}
    assert len(page.statuses) >= len(attacks) - 5  # Chromium does not report two refused sockets and three frames
    assert set(page.statuses) == {403}
    async with open_stack.client() as client:
        assert [job.job_id for job in (await client.list()).jobs] == before


async def test_a_site_whose_name_leads_to_this_machine_reads_nothing(page: Page, open_stack: LocalStack) -> None:
    authorization, rebound = await token(open_stack), f"http://{REBOUND}:{open_stack.port}"
    await visit(page, f"{rebound}/")
    shown = await page.value("document.body.innerText")

    texts = [
        await page.value(attack)
        for attack in (
            ask(f"{rebound}/graphql", JOBS, authorization),
            fetch(f"{rebound}/console/config.json"),
            fetch(f"{rebound}/console/sign-in", method="POST", body="{}"),
            fetch(f"{rebound}/chaos", method="PUT", body="drop=1"),
            socket(f"ws://{REBOUND}:{open_stack.port}/graphql"),
        )
    ]

    assert f"expected one of the hosts localhost, 127.0.0.1, [::1], found '{REBOUND}:{open_stack.port}'" in shown
    assert [text for text in texts if "expected one of the hosts" not in text] == ["nothing: closed"]
    assert set(page.statuses) == {403}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", ALLOWED])
async def test_a_page_of_an_allowed_origin_uses_the_api(
    page: Page, open_stack: LocalStack, pages: int, host: str
) -> None:
    authorization = await token(open_stack)
    await visit(page, f"http://{host}:{pages}/")

    jobs = await page.value(ask(open_stack.url, JOBS, authorization))
    message = await page.value(socket(open_stack.description["realtimeUrl"]))
    signed_in = await page.value(sign_in(open_stack))
    settings = await page.value(fetch(open_stack.url.replace("/graphql", "/console/config.json")))

    assert "items" in json.loads(jobs)["data"]["listInferences"]
    assert json.loads(message)["type"] == "connection_error"  # the stack answers: there is no token in the handshake
    assert "AccessToken" in json.loads(signed_in)["AuthenticationResult"]
    assert settings.startswith("nothing")  # this is for the stack's own page

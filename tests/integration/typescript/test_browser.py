"""The TypeScript client in a real browser, on a stack that loses pushes: what the page shows is what the workload wrote."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web

from chalicelib.api.tokens import LEEWAY
from chalicelib.workloads.simulated import DEFAULT_WORDS, text
from local_stack.folder_secret import folder_secret
from tests.acceptance.browser import Page, find_browser, open_browser
from tests.acceptance.stack import LocalStack, running_stack
from tests.integration.typescript.client_folder import LOSSES, build, packages_are_missing
from tests.support.served import Handler, served

MANY = 200  # jobs at once in one tab
PATIENCE = 120.0  # seconds until jobs have ended, on a busy machine
LARGE = "海の便り, a long letter. 𝄞\n" * 12_000  # over 256 KiB: uploaded as a prompt, stored as a result


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    if missing := packages_are_missing():
        pytest.skip(missing)
    data = tmp_path_factory.mktemp("stack") / "data"
    environment = {"LONGCALL_QUOTA": str(2 * MANY)}
    with running_stack(data, "--chaos", LOSSES, "--jobs", "6", environment=environment) as stack:
        yield stack


@pytest.fixture(scope="module")
def page_url(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server of the page, on a port of its own, which also signs tokens."""
    script = tmp_path_factory.mktemp("page") / "page.js"
    build("page", script, "--format=iife", "--platform=browser")
    with served(lambda _url: _serve(script.read_text(), lambda life: sign(stack, life))) as url:
        yield url


def _serve(script: str, sign: Callable[[float], str]) -> Handler:
    async def handle(request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
        match request.path:
            case "/page.js":
                return web.Response(text=script, content_type="text/javascript")
            case "/token":
                return web.Response(text=sign(float(request.query["life"])))
            case _:
                return web.Response(
                    text='<!doctype html><meta charset="utf-8"><body><script src="/page.js"></script>',
                    content_type="text/html",
                )

    return handle


def sign(stack: LocalStack, life: float) -> str:
    """An access token of the first user that the API accepts for `life` seconds."""
    now = time.time()
    signed = stack.sign_in().sign_in_now()
    claims = jwt.decode(signed, options={"verify_signature": False})
    claims |= {"iat": int(now) - 60, "exp": now + life - LEEWAY}
    return jwt.encode(claims, folder_secret(stack.data).signing_key, "RS256", headers=jwt.get_unverified_header(signed))

"""A running stack of the tests' own, found from the folder that a test works in."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.unit.longcall.appsync import AppSync
from tests.unit.longcall.cli.stack import Stack, sign_in


@pytest.fixture(autouse=True)
def _on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PATH lead to this environment's `longcall`, so that hints print its short name."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    api = AppSync()
    await api.open()
    app = web.Application()
    app.router.add_post("/", sign_in)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stack = Stack(api, f"http://127.0.0.1:{runner.addresses[0][1]}/", tmp_path)
    stack.write()
    yield stack
    await runner.cleanup()
    await api.close()

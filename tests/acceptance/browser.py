"""A real browser, driven over the Chrome DevTools Protocol.

Source: https://chromedevtools.github.io/devtools-protocol/, domains Page, Runtime, Network, Input.
"""

import asyncio
import base64
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

TIMEOUT: Final = 20.0  # seconds, on a busy machine
PAUSE: Final = 0.05
_FLAGS: Final = (
    "--headless=new", "--remote-debugging-port=0", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1440,900", "--hide-scrollbars",
)  # fmt: skip


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.requested: list[str] = []  # URLs of every kind of request
        self.complaints: list[str] = []  # errors and exceptions of the page's scripts
        self.statuses: list[int] = []  # of responses

    async def pump(self) -> None:
        """Read messages of the browser until it closes the socket."""
        async for message in self._socket:
            message = json.loads(message.data)
            match message:
                case {"id": int(number)}:
                    self._waiting.pop(number).set_result(message)
                case {"method": "Network.requestWillBeSent", "params": {"request": {"url": str(url)}}}:
                    self.requested.append(url)
                case {"method": "Network.responseReceived", "params": {"response": {"status": int(status)}}}:
                    self.statuses.append(status)
                case {"method": "Network.webSocketCreated", "params": {"url": str(url)}}:
                    self.requested.append(url)
                case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": details}}:
                    self.complaints.append(json.dumps(details))
                case {"method": "Log.entryAdded", "params": {"entry": {"level": "error"} as entry}}:
                    self.complaints.append(json.dumps(entry))
                case _:
                    pass

    async def call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(TIMEOUT):
            message = await answer
        assert "error" not in message, message
        return message["result"]

    async def open(self, url: str) -> None:
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=url)

    async def value(self, expression: str) -> Any:
        """Evaluate a JavaScript expression and return its value; a promise is awaited."""
        message = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in message, message
        return message["result"].get("value")

    async def until(self, expression: str, *, timeout: float = TIMEOUT) -> Any:  # noqa: ASYNC109  # names what was awaited
        """Evaluate an expression again and again, and return its first value that is not falsy."""
        value = None
        try:
            async with asyncio.timeout(timeout):
                while not value:
                    value = await self.value(expression)
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            seen = await self.value("document.body.innerText")
            raise AssertionError(
                f"{expression} stayed falsy for {timeout:g} s. Script errors: {self.complaints}. Page: {seen}"
            ) from None
        return value

    async def picture(self, file: Path) -> None:
        taken = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(file.write_bytes, base64.b64decode(taken["data"]))


@asynccontextmanager
async def open_browser(program: str, profile: Path, *flags: str) -> AsyncIterator[Page]:
    """Start a browser with a new profile, further flags and one empty tab. It ends with the block."""
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium does not run as root inside its sandbox
    command = [program, *_FLAGS, *sandbox, *flags, f"--user-data-dir={profile}", "about:blank"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = await _address(process, profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{address}/json/list") as response:
                [tab] = [tab for tab in await response.json() if tab["type"] == "page"]
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                pumping = asyncio.create_task(page.pump())
                try:
                    yield page
                finally:
                    pumping.cancel()
                    await asyncio.gather(pumping, return_exceptions=True)
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), TIMEOUT)


async def _address(process: asyncio.subprocess.Process, file: Path) -> str:
    """Wait until the browser has written its address to a file, and return the address."""
    async with asyncio.timeout(TIMEOUT):
        while process.returncode is None:
            lines = (await asyncio.to_thread(_read, file)).splitlines()
            if len(lines) >= 2:
                return f"127.0.0.1:{lines[0]}"
            await asyncio.sleep(PAUSE)
    raise AssertionError(f"the browser ended with status {process.returncode} before it listened")


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""

"""Watchers that run the TypeScript client in a process of Node. Requests and what is shown are lines of JSON.

The program is `clients/typescript/tests/live/watcher.ts`.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

from certify.observation import ShownEvent
from certify.product import ROOT, Edit
from certify.watchers import Shown
from longcall import LongcallError

CLIENT: Final = ROOT / "clients" / "typescript"
PACKAGES: Final = CLIENT / "node_modules"
WATCHER: Final = "tests/live/watcher.ts"
OLDEST: Final = 20  # the major version of Node that the client needs
LONGEST_LINE: Final = 64 * 1024 * 1024  # bytes
SETUP_TIMEOUT: Final = 300.0  # seconds


class TypeScriptMissing(Exception):
    """The TypeScript client cannot be run here; the message says why."""


class TypeScriptError(LongcallError):
    """An error of the TypeScript client; `error_type` is its type."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class Tokens(Protocol):
    """A token provider."""

    def __call__(self) -> Awaitable[str]:
        """A token."""
        ...

    def forget(self, token: str) -> None:
        """The API refused this token."""
        ...


def build(program: Path, sources: Path = CLIENT) -> str:
    """Write the program for Node to a file, and return Node's version. The packages are installed if they are missing.

    Args:
        program: The file.
        sources: The folder of the client, or a copy of it without packages.

    Raises:
        TypeScriptMissing: Node is missing or too old, or its packages are not installed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise TypeScriptMissing(f"Node {OLDEST} or newer is not installed")
    version = _printed(node, "--version").removeprefix("v")
    if int(version.split(".")[0]) < OLDEST:
        raise TypeScriptMissing(f"Node {OLDEST} or newer is needed, and {version} is installed")
    with (CLIENT / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `npm ci` deletes the folder of packages first
        if not (PACKAGES / ".package-lock.json").exists():
            _printed(npm, "ci", "--silent")
        _printed(
            str(PACKAGES / ".bin" / "esbuild"), WATCHER, "--bundle", "--platform=node",
            "--external:bufferutil", "--external:utf-8-validate", f"--outfile={program}", "--log-level=error",
            folder=sources,
        )  # fmt: skip
    return version


def build_with(edits: Sequence[Edit], folder: Path, program: Path) -> None:
    """Write the program for Node to a file, with texts replaced in a copy of the client.

    Args:
        edits: What is replaced; the files are paths inside the project.
        folder: Where the copy is made.
        program: The file.

    Raises:
        EditFailed: A text does not occur exactly once.
        TypeScriptMissing: Node is missing or too old, or its packages are not installed.
    """
    copy = folder / CLIENT.relative_to(ROOT)
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns(PACKAGES.name, "dist"))
    for edit in edits:
        edit.apply(folder)
    build(program, copy)


def _printed(*command: str, folder: Path = CLIENT) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # nothing from outside
            command, cwd=folder, env={**os.environ, "NODE_PATH": str(PACKAGES)}, check=True, capture_output=True,
            text=True, timeout=SETUP_TIMEOUT,
        )  # fmt: skip
    except subprocess.CalledProcessError as failed:
        raise TypeScriptMissing(f"{' '.join(command[:2])} failed: {failed.stderr.strip()[-500:]}") from None
    except subprocess.TimeoutExpired:
        raise TypeScriptMissing(f"{' '.join(command[:2])} did not end within {SETUP_TIMEOUT:.0f} s") from None
    return done.stdout.strip()


class Node:
    """A process of Node that runs the watchers of one process of clients."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101  # both pipes were asked for
        assert process.stdout is not None  # noqa: S101
        self._input, self._output = process.stdin, process.stdout
        self._numbers = count()
        self._lines: dict[int, asyncio.Queue[Mapping[str, Any] | None]] = {}
        self._has_ended = False

    @classmethod
    @asynccontextmanager
    async def running(cls, program: Path, url: str) -> "AsyncIterator[Node]":
        """Node, until the block ends."""
        process = await asyncio.create_subprocess_exec(
            "node", str(program), url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )  # fmt: skip
        node = cls(process)
        reading = asyncio.create_task(node._read())
        try:
            yield node
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            if process.returncode is None:
                process.kill()
            await process.wait()

    @asynccontextmanager
    async def following(self, job_id: str) -> "AsyncIterator[Following]":
        """A watcher of a job, until the block ends.

        Raises:
            TypeScriptError: Node has ended.
        """
        number = next(self._numbers)
        lines = self._lines[number] = asyncio.Queue()
        self.send({"type": "follow", "id": number, "jobId": job_id})
        try:
            yield Following(self, number, lines)
        finally:
            del self._lines[number]
            with contextlib.suppress(TypeScriptError):
                self.send({"type": "detach", "id": number})

    def send(self, request: Mapping[str, Any]) -> None:
        if self._has_ended or self._input.is_closing():
            raise _ended()
        self._input.write(json.dumps(request).encode() + b"\n")

    async def _read(self) -> None:
        try:
            async for line in self._output:
                message = json.loads(line)
                if message["id"] in self._lines:
                    self._lines[message["id"]].put_nowait(message)
        finally:
            self._has_ended = True
            for lines in self._lines.values():
                lines.put_nowait(None)


@dataclass(frozen=True, slots=True)
class Following:
    """One watcher in Node: what it says, and a way to answer it."""

    node: Node
    number: int
    lines: "asyncio.Queue[Mapping[str, Any] | None]"

    async def next(self) -> Mapping[str, Any]:
        message = await self.lines.get()
        if message is None:
            raise _ended()
        return message

    def answer(self, token: str | None, error: str | None) -> None:
        self.node.send({"type": "token", "id": self.number, "token": token, "error": error})


@dataclass(frozen=True, slots=True)
class TypeScriptWatcher:
    """The TypeScript client. `on_heal` is called with milliseconds for each gap that it closed."""

    node: Node
    tokens: Tokens
    on_heal: Callable[[float], None]
    language: str = "typescript"

    async def follow(self, job_id: str) -> AsyncGenerator[Shown, None]:
        token = ""
        async with self.node.following(job_id) as following:
            while True:
                match await following.next():
                    case {"type": "shown"} as message:
                        yield _shown(message)
                    case {"type": "healed", "milliseconds": float() | int() as milliseconds}:
                        self.on_heal(round(milliseconds, 1))
                    case {"type": "token", "refresh": bool(refresh)}:
                        if refresh:
                            self.tokens.forget(token)
                        try:
                            token = await self.tokens()
                            following.answer(token, None)
                        except LongcallError as error:
                            following.answer(None, type(error).__name__)
                    case {"type": "failed", "kind": str(kind), "message": str(text)}:
                        raise TypeScriptError(kind, text)
                    case {"type": "ended"}:
                        return


def _shown(message: Mapping[str, Any]) -> Shown:
    logged_at = message["loggedAt"]
    return Shown(
        ShownEvent(**message["event"]), message["isFinal"],
        None if logged_at is None else datetime.fromisoformat(logged_at), message["output"],
    )  # fmt: skip


def _ended() -> TypeScriptError:
    return TypeScriptError("NodeEnded", "the process of Node with the TypeScript client ended; read what it printed")

"""Schema, resolvers and handlers taken up as they change on disk, while connections and running work go on.

Everything that changed together is tried first. Where one part of it cannot be used, nothing is: the fault is
reported, and what was served before goes on.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final, Protocol

from appsync_local.errors import ApiInvalid

CODE: Final = frozenset({".graphql", ".js"})
HANDLERS: Final = frozenset({".py"})

log: Final = logging.getLogger(__name__)

# As `rehearse`, with root and handlers known: which faults do these changed files have?
ImportCheck = Callable[[Sequence[Path]], Awaitable[Sequence[str]]]


class Reloadable(Protocol):
    """The engine, as far as it is needed here."""

    def reload(self) -> None:
        """Raises: ApiInvalid, and then nothing has changed."""


class Renewable(Protocol):
    """Whatever runs the handlers."""

    def renew(self) -> None:
        """New invocations run the code that is on disk now."""


class ReloadResult(Enum):
    """What came of a change."""

    RELOADED = auto()
    REFUSED = auto()  # it cannot be used; what was served before goes on
    NEEDS_RESTART = auto()  # it is about something that was decided at the start
    IRRELEVANT = auto()


@dataclass(frozen=True, slots=True)
class Reloader:
    """Takes up changes.

    Args:
        root: Paths are named relative to this.
        engine: Serves the API.
        functions: Runs the handlers.
        check_imports: Tries the handlers' code.
        fixed: Files that are read at the start only.
    """

    root: Path
    engine: Reloadable
    functions: Renewable
    check_imports: ImportCheck
    fixed: frozenset[Path] = frozenset()

    async def apply(self, changed: Collection[Path]) -> ReloadResult:
        """Take up files that were changed, added or removed together; says in the log what came of it."""
        started = time.perf_counter()
        relevant = sorted(path for path in changed if path.suffix in CODE | HANDLERS)
        fixed = [path for path in relevant if path in self.fixed]
        if fixed:
            log.warning("%s changed, and is read at the start only: start the stack again", self._names(fixed))
            return ReloadResult.NEEDS_RESTART
        if not relevant:
            return ReloadResult.IRRELEVANT
        handlers = [path for path in relevant if path.suffix in HANDLERS]
        faults: Sequence[str] = await self.check_imports([p for p in handlers if p.exists()]) if handlers else ()
        if not faults:
            try:
                self.engine.reload()
            except ApiInvalid as invalid:
                faults = invalid.problems
        if faults:
            lines = "".join(f"\n  - {fault}" for fault in faults)
            log.error("%s cannot be used, what was served before goes on:%s", self._names(relevant), lines)
            return ReloadResult.REFUSED
        if handlers:
            self.functions.renew()
        log.info("%s: reloaded in %.0f ms", self._names(relevant), (time.perf_counter() - started) * 1000)
        return ReloadResult.RELOADED

    def _names(self, paths: Iterable[Path]) -> str:
        return ", ".join(str(p.relative_to(self.root) if p.is_relative_to(self.root) else p) for p in paths)


class FileWatcher:
    """Takes up changes, one batch after another, until it is stopped.

    Args:
        reloader: Takes them up.
        folders: Watched with all that is below them.
        files: Watched through their folders: editors replace a file by another one of its name.
    """

    def __init__(self, reloader: Reloader, *, folders: Sequence[Path], files: Sequence[Path]) -> None:
        self._reloader = reloader
        self._folders = tuple(folders)
        self._files = frozenset(files)
        self._stopped = threading.Event()  # looked at by the threads that wait for changes
        self._one_at_a_time = asyncio.Lock()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def start(self) -> None:
        """FileWatcher; what changes after this is taken up."""
        parents = sorted({file.parent for file in self._files})
        self._tasks = (
            asyncio.create_task(self._follow(self._folders, lambda _: True, recursive=True)),
            asyncio.create_task(self._follow(parents, self._files.__contains__, recursive=False)),
        )
        await asyncio.sleep(0)  # each task has set its watch before it first waits

    async def stop(self) -> None:
        """Stop, after the change that is being taken up."""
        self._stopped.set()
        await asyncio.gather(*self._tasks)

    async def _follow(self, paths: Sequence[Path], is_meant: Callable[[Path], bool], *, recursive: bool) -> None:
        from watchfiles import awatch  # 20 ms to import, and a stack that does not watch does without

        async for batch in awatch(*paths, recursive=recursive, stop_event=self._stopped):
            changed = {path for _, name in batch if is_meant(path := Path(name))}
            async with self._one_at_a_time:
                await self._reloader.apply(changed)

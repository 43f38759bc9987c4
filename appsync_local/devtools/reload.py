"""Reloads schema, resolvers and handlers when their files change, while connections and running work continue.

Files that changed together are checked first. If one of them cannot be used, none is: the problems are logged, and the
engine continues to serve the previous version.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final, Protocol

from appsync_local.errors import ApiInvalid

CODE: Final = frozenset({".graphql", ".js", ".vtl"})
HANDLERS: Final = frozenset({".py"})

log: Final = logging.getLogger(__name__)

# `import_check.check_imports` with root and handlers given: returns one sentence for each problem of the changed files.
ImportCheck = Callable[[Sequence[Path]], Awaitable[Sequence[str]]]


class Reloadable(Protocol):
    """The part of the engine that reloading uses."""

    def reload(self) -> None:
        """Serve the files as they are now.

        Raises:
            ApiInvalid: The API cannot be served; nothing has changed.
        """


class Renewable(Protocol):
    """The runtime of the handlers."""

    def renew(self) -> None:
        """Run new invocations with the code that is on disk now."""


class ReloadResult(Enum):
    """The result of applying a change."""

    RELOADED = auto()
    REFUSED = auto()  # the change cannot be used; the previous version is still served
    NEEDS_RESTART = auto()  # a file that is read only at the start has changed
    IRRELEVANT = auto()


@dataclass(frozen=True, slots=True)
class Reloader:
    """Applies changes of files.

    Args:
        root: Log messages show paths relative to this folder.
        engine: Serves the API.
        functions: Runs the handlers.
        check_imports: Tries to import changed handlers.
        fixed: Files that are read only at the start.
    """

    root: Path
    engine: Reloadable
    functions: Renewable
    check_imports: ImportCheck
    fixed: frozenset[Path] = frozenset()

    async def apply(self, changed: Collection[Path]) -> ReloadResult:
        """Apply the change of files that were edited, added or removed together, and log the result.

        Hidden files are ignored: editors use them for locks and unsaved copies.

        Raises:
            OSError: A file could not be read, for example because it was removed meanwhile. The change may be applied
                again.
        """
        started = time.perf_counter()
        relevant = sorted(path for path in changed if path.suffix in CODE | HANDLERS and not path.name.startswith("."))
        fixed = [path for path in relevant if path in self.fixed]
        if fixed:
            log.warning("%s changed, but it is read only at the start: restart the stack", self._names(fixed))
            return ReloadResult.NEEDS_RESTART
        if not relevant:
            return ReloadResult.IRRELEVANT
        handlers = [path for path in relevant if path.suffix in HANDLERS]
        problems: Sequence[str] = await self.check_imports([p for p in handlers if p.exists()]) if handlers else ()
        if not problems:
            try:
                self.engine.reload()
            except ApiInvalid as invalid:
                problems = invalid.problems
        if problems:
            lines = "".join(f"\n  - {problem}" for problem in problems)
            log.error("%s cannot be used; the previous version is still served:%s", self._names(relevant), lines)
            return ReloadResult.REFUSED
        if handlers:
            self.functions.renew()
        log.info("%s: reloaded in %.0f ms", self._names(relevant), (time.perf_counter() - started) * 1000)
        return ReloadResult.RELOADED

    def _names(self, paths: Iterable[Path]) -> str:
        return ", ".join(str(p.relative_to(self.root) if p.is_relative_to(self.root) else p) for p in paths)

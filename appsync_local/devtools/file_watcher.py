"""Watches files and has their changes applied, one batch after another, until it is stopped.

An error never ends the watch: it is logged and counted in the watcher's health, and the watch continues.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from appsync_local.devtools.health import LoopHealth
from appsync_local.devtools.reload import Reloader

RESTART_DELAY: Final = 1.0  # seconds before watching again after the operating system's notifications have failed
RETRY_DELAY: Final = 5.0  # seconds without a change, after which a batch that failed is applied again


class FolderReplaced(Exception):
    """A watched folder was deleted, moved or replaced. The operating system reports no changes of the new folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} was deleted or replaced; it is watched again as soon as it exists")


class FileWatcher:
    """Applies changes from `start` to `stop`.

    Args:
        reloader: Applies the changes.
        folders: Folders that are watched with all their subfolders.
        files: Single files. Their folders are watched, because editors replace a file by a new one of the same name.
        health: Counts the batches that were applied and those that failed.
    """

    def __init__(
        self, reloader: Reloader, *, folders: Sequence[Path], files: Sequence[Path], health: LoopHealth
    ) -> None:
        self._reloader = reloader
        self._folders = tuple(folders)
        self._files = frozenset(files)
        self._health = health
        self._is_stopped = threading.Event()  # checked by the threads that wait for notifications
        self._stopping = asyncio.Event()  # ends the delay before a restart
        self._one_at_a_time = asyncio.Lock()
        self._not_applied: set[Path] = set()  # the changes of batches that failed
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def start(self) -> None:
        """Start watching: every change after this call is applied."""
        parents = sorted({file.parent for file in self._files})
        self._tasks = (
            asyncio.create_task(self._watch(self._folders, lambda _: True, recursive=True)),
            asyncio.create_task(self._watch(parents, self._files.__contains__, recursive=False)),
        )
        await asyncio.sleep(0)  # each task sets up its notifications before it waits for the first time

    async def stop(self) -> None:
        """Stop after the batch that is being applied."""
        self._is_stopped.set()
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def _watch(self, paths: Sequence[Path], is_wanted: Callable[[Path], bool], *, recursive: bool) -> None:
        missed_changes = False
        while not self._is_stopped.is_set():
            try:
                if missed_changes:  # any file may have changed meanwhile
                    self._not_applied.update(filter(is_wanted, _files_in(paths, recursive=recursive)))
                await self._follow(paths, is_wanted, recursive=recursive)
            except Exception as error:  # the operating system's notifications, or the thread that waits for them
                self._health.failed(error)
                missed_changes = True
                await self._pause()

    async def _follow(self, paths: Sequence[Path], is_wanted: Callable[[Path], bool], *, recursive: bool) -> None:
        from watchfiles import Change, awatch  # takes 20 ms to import; a stack that watches no files does not need it

        # `awatch` would ignore a missing path, because it is to ignore unreadable subfolders.
        identities = {path: _identity(path) for path in paths}
        async for batch in awatch(
            *paths, recursive=recursive, stop_event=self._is_stopped, ignore_permission_denied=True,
            rust_timeout=int(RETRY_DELAY * 1000), yield_on_timeout=True,
        ):  # fmt: skip
            changed = {path for _, name in batch if is_wanted(path := Path(name))}
            async with self._one_at_a_time:
                await self._apply(changed)
            deleted = {Path(name) for change, name in batch if change is Change.deleted}
            for path, identity in identities.items():
                # Both are needed: a new folder often has the inode of the one that was deleted.
                if path in deleted or not path.exists() or _identity(path) != identity:
                    raise FolderReplaced(path)

    async def _apply(self, changed: set[Path]) -> None:
        """Apply a batch together with the changes of earlier batches that failed. An empty batch is a retry."""
        self._not_applied |= changed
        if not self._not_applied:
            return
        with self._health.turn():
            await self._reloader.apply(frozenset(self._not_applied))
            self._not_applied.clear()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(RESTART_DELAY):
                await self._stopping.wait()
        except TimeoutError:
            return


def _identity(path: Path) -> tuple[int, int]:
    """Tells a folder from another one that has its path later."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _files_in(folders: Iterable[Path], *, recursive: bool) -> Iterator[Path]:
    for folder in folders:
        yield from filter(Path.is_file, folder.rglob("*") if recursive else folder.iterdir())

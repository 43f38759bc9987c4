"""The file watcher: it notices changes, and it survives every error."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from appsync_local.devtools import file_watcher
from appsync_local.devtools.file_watcher import FileWatcher
from appsync_local.devtools.health import Health, LoopHealth
from appsync_local.devtools.reload import Reloader
from tests.support.engine_clients import until


class Recorder:
    """Engine and functions that note what is asked of them; `errors` are raised by the next reloads, in order."""

    def __init__(self, *errors: Exception) -> None:
        self.asked: list[str] = []
        self.attempts = 0
        self._errors = list(errors)

    def reload(self) -> None:
        self.attempts += 1
        if self._errors:
            raise self._errors.pop(0)
        self.asked.append("reload")

    def renew(self) -> None:
        self.asked.append("renew")

    async def check_imports(self, changed: object) -> tuple[str, ...]:
        return ()


@pytest.fixture
def health() -> LoopHealth:
    return Health().loop("file watcher")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with handlers and code."""
    (tmp_path / "code" / "deep").mkdir(parents=True)
    for file in ("app.py", "code/deep/x.js", "other.py"):
        (tmp_path / file).write_text("first")
    return tmp_path


def watcher(recorder: Recorder, folder: Path, health: LoopHealth) -> FileWatcher:
    reloader = Reloader(folder, recorder, recorder, recorder.check_imports)
    return FileWatcher(reloader, folders=[folder / "code"], files=[folder / "app.py"], health=health)


def overwrite(file: Path) -> None:
    file.write_text("changed")


def swap(file: Path) -> None:
    file.with_suffix(".new").write_text("changed")
    file.with_suffix(".new").replace(file)


@pytest.mark.parametrize("save", [overwrite, swap], ids=["in place", "by another file"])
@pytest.mark.parametrize("name", ["app.py", "code/deep/x.js"])
async def test_a_saved_file_is_noticed(
    folder: Path, health: LoopHealth, save: Callable[[Path], None], name: str
) -> None:
    recorder = Recorder()
    watching = watcher(recorder, folder, health)
    await watching.start()
    try:
        (folder / "other.py").write_text("not watched")
        save(folder / name)
        await until(lambda: bool(recorder.asked))
    finally:
        await watching.stop()
    assert set(recorder.asked) == ({"reload", "renew"} if name == "app.py" else {"reload"})
    assert health.failures == 0
    assert health.last_success is not None


@pytest.mark.parametrize(
    "error", [FileNotFoundError("x.js vanished"), PermissionError("x.js"), RuntimeError("any bug")], ids=type
)
async def test_an_error_in_one_batch_is_counted_and_the_watch_continues(
    folder: Path, health: LoopHealth, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(error)
    watching = watcher(recorder, folder, health)
    await watching.start()
    try:
        overwrite(folder / "app.py")
        await until(lambda: health.failures == 1)
        overwrite(folder / "code" / "deep" / "x.js")
        await until(lambda: bool(recorder.asked))
    finally:
        await watching.stop()

    assert set(recorder.asked) == {"reload", "renew"}  # the handlers of the batch that failed are renewed too
    assert health.failures_in_a_row == 0
    assert f"file watcher: one turn failed and the loop continues (1 in a row): {type(error).__name__}" in caplog.text


async def test_a_batch_that_failed_is_applied_again_without_another_change(
    folder: Path, health: LoopHealth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watcher, "RETRY_DELAY", 0.05)
    recorder = Recorder(OSError("no space left on device"))
    watching = watcher(recorder, folder, health)
    await watching.start()
    try:
        overwrite(folder / "code" / "deep" / "x.js")
        await until(lambda: bool(recorder.asked))
    finally:
        await watching.stop()

    assert recorder.asked == ["reload"]
    assert (health.failures, recorder.attempts) == (1, 2)


@pytest.mark.parametrize("make", ["link", "file"])
async def test_hidden_files_of_editors_reload_nothing(folder: Path, health: LoopHealth, make: str) -> None:
    recorder = Recorder()
    watching = watcher(recorder, folder, health)
    await watching.start()
    try:
        hidden = folder / "code" / ".#x.js"
        hidden.symlink_to("somebody@a-machine.1234") if make == "link" else hidden.write_text("unsaved")
        (folder / "code" / ".x.js").write_text("unsaved")
        await until(lambda: health.last_turn is not None)
    finally:
        await watching.stop()

    assert (recorder.asked, health.failures) == ([], 0)


async def test_notifications_that_fail_are_set_up_again(
    folder: Path, health: LoopHealth, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, failed = watchfiles.awatch, threading.Event()

    async def awatch(*paths: Path, **options: Any) -> AsyncIterator[Collection[tuple[object, str]]]:
        if not failed.is_set():
            failed.set()
            raise OSError("too many open files")
        async for batch in original(*paths, **options):
            yield batch

    monkeypatch.setattr(watchfiles, "awatch", awatch)
    monkeypatch.setattr(file_watcher, "RESTART_DELAY", 0.0)
    recorder = Recorder()
    watching = watcher(recorder, folder, health)
    await watching.start()
    try:
        await until(lambda: health.failures == 1)

        async with asyncio.timeout(10):
            while not recorder.asked:
                overwrite(folder / "code" / "deep" / "x.js")  # again, because the new watch may not have begun
                await asyncio.sleep(0.02)
    finally:
        await watching.stop()


def delete(folder: Path) -> None:
    shutil.rmtree(folder)


def move_away(folder: Path) -> None:
    folder.rename(folder.with_name("old"))


@pytest.mark.parametrize("remove", [delete, move_away])
async def test_a_folder_that_is_removed_and_created_again_is_watched_again(
    folder: Path, health: LoopHealth, monkeypatch: pytest.MonkeyPatch, remove: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(file_watcher, "RESTART_DELAY", 0.01)
    monkeypatch.setattr(file_watcher, "RETRY_DELAY", 0.05)
    recorder = Recorder()
    watching = watcher(recorder, folder, health)
    await watching.start()
    try:
        remove(folder / "code")
        await until(lambda: health.failures > 0)
        recorder.asked.clear()

        (folder / "code").mkdir()
        (folder / "code" / "new.js").write_text("first")
        await until(lambda: bool(recorder.asked))  # no notification: the file was there before the new watch
        recorder.asked.clear()
        async with asyncio.timeout(10):
            while not recorder.asked:
                overwrite(folder / "code" / "new.js")  # again, because the new watch may not have begun
                await asyncio.sleep(0.02)
    finally:
        await watching.stop()

    assert set(recorder.asked) == {"reload"}


@pytest.mark.parametrize("remove", [delete, move_away])
async def test_a_folder_that_is_replaced_at_once_is_watched_again(
    folder: Path, health: LoopHealth, monkeypatch: pytest.MonkeyPatch, remove: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(file_watcher, "RESTART_DELAY", 0.01)
    monkeypatch.setattr(file_watcher, "RETRY_DELAY", 0.05)
    recorder = Recorder()
    watching = watcher(recorder, folder, health)
    await watching.start()
    try:
        remove(folder / "code")
        (folder / "code").mkdir()
        await until(lambda: health.failures > 0)
        recorder.asked.clear()

        async with asyncio.timeout(10):
            while not recorder.asked:
                (folder / "code" / "new.js").write_text("changed")
                await asyncio.sleep(0.02)
    finally:
        await watching.stop()

    assert set(recorder.asked) == {"reload"}


async def test_a_folder_that_is_missing_does_not_end_the_start_or_the_stop(tmp_path: Path, health: LoopHealth) -> None:
    watching = watcher(Recorder(), tmp_path, health)
    await watching.start()

    await until(lambda: health.failures >= 1)
    await watching.stop()

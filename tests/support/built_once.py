"""Session fixtures that take long: one worker process builds each, and all workers of the test run use the result."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The temporary folder of the whole test run."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


def built_once(folder: Path, build: Callable[[Path], object]) -> Path:
    """Return `folder`. The first process that asks for it builds its content; the others wait until it is complete.

    Args:
        folder: Only this function creates it.
        build: Fills the empty folder. If it fails, the next process that asks for the folder builds it again.
    """
    complete = folder.with_name(f"{folder.name}.complete")
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            complete.touch()
    return folder

"""The data folder of a local stack: locked while a stack uses it, and checked before the stack starts."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from local_stack.errors import StackError

LEAST_SPACE: Final = 1024 * 1024  # bytes that must be free when a stack starts: its logs and databases grow
LEAST_FILES: Final = 32  # files that must be free, on a disk that limits their number
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Lock the data folder, because two stacks on one folder would run each other's events. Ends with the process.

    Raises:
        StackError: Another stack uses the folder.
    """
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"another stack is running on {data}; use it, stop it, or choose another folder with --data"
            ) from None
        yield


def check_space(data: Path) -> None:
    """Check that the disk of the data folder has room for a stack to start.

    Raises:
        StackError: The disk is full, or nearly full.
    """
    disk = os.statvfs(data)
    free = disk.f_bavail * disk.f_frsize
    if free < LEAST_SPACE:
        raise StackError(_full(data, f"{free // 1024} KB are free, and a stack needs {LEAST_SPACE // 1024} KB"))
    if disk.f_files and disk.f_favail < LEAST_FILES:  # some file systems do not limit the number of files
        raise StackError(_full(data, f"{disk.f_favail} more files are possible, and a stack needs {LEAST_FILES}"))


@contextmanager
def full_disk_reported(data: Path) -> Iterator[None]:
    """Report an operating system's error about a full disk as one sentence.

    Raises:
        StackError: The disk became full in the block, or the user's quota is used up.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise StackError(_full(data, error.strerror or "no space is left")) from error


def _full(data: Path, reason: str) -> str:
    return f"the disk of {data} is full ({reason}); free some space, or choose a folder on another disk with --data"

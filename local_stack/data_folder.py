"""The data folder of a local stack: private, locked while a stack uses it, and checked before the stack starts."""

import errno
import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from appsync_local.functions.database_check import find_damage
from local_stack.errors import OptionInvalid, StackError

LEAST_SPACE: Final = 1024 * 1024  # bytes that must be free when a stack starts: its logs and databases grow
LEAST_FILES: Final = 32  # files that must be free, on a disk that limits their number
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


# A folder with one of these files was made by a stack.
MARKS: Final = ("lock", "jobs.db", "events.db")
NEGLIGIBLE: Final = frozenset({".DS_Store", ".gitignore", ".gitkeep"})  # in a folder that counts as empty
PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
PRIVATE_UMASK: Final = 0o077  # of every process that writes into the folder


def prepare(data: Path) -> None:
    """Create the data folder, or let nobody but its owner read an existing one and what is in it.

    Raises:
        OptionInvalid: The folder cannot be created or written, belongs to another user, or was not made by a stack.
    """
    try:
        data.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        owner = data.stat().st_uid
        if os.geteuid() not in (0, owner):
            raise _unusable(data, f"it belongs to another user (id {owner})")
        others = sorted({it.name for it in data.iterdir()} - NEGLIGIBLE)
        if others and not any(name in others for name in MARKS):
            raise _unusable(data, f"it has files that are not a stack's, such as {others[0]}")
        _make_private(data)
        (data / MARKS[0]).touch(mode=PRIVATE_FILE)
        if not os.access(data, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        if error.errno in FULL:
            raise
        where = f" ({error.filename})" if error.filename else ""
        file = next((it for it in (data, *data.parents) if it.is_file()), None)
        raise _unusable(data, f"{file} is a file" if file else f"{error.strerror}{where}") from error


def _make_private(data: Path) -> None:
    for folder, _, names in os.walk(data):
        _narrow(folder, PRIVATE_FOLDER)
        for name in names:
            _narrow(os.path.join(folder, name), PRIVATE_FILE)  # noqa: PTH118  # a folder may have many thousand files


def _narrow(path: str, mode: int) -> None:
    """Set the mode of a file or folder. A link is left as it is, and what it leads to too."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:  # removed meanwhile
        return
    if not stat.S_ISLNK(found.st_mode) and stat.S_IMODE(found.st_mode) != mode:
        os.chmod(path, mode)  # noqa: PTH101  # see above


def _unusable(data: Path, reason: str) -> OptionInvalid:
    return OptionInvalid(
        f"--data takes a folder that this user can write: a new one, an empty one, or one of an earlier stack. {data} "
        f"cannot be used: {reason}"
    )


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Lock the data folder, because two stacks on one folder would run each other's events. Ends with the process.

    Raises:
        StackError: Another stack uses the folder.
    """
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


def check_databases(data: Path) -> None:
    """Look for damaged pages in the databases of the services, such as users and objects.

    Raises:
        StackError: A database is damaged or cannot be opened.
    """
    for file in sorted((*data.glob("*.db"), *data.glob("*/*.db"))):
        if file in (data / "jobs.db", data / "events.db"):  # checked when they are opened
            continue
        try:
            damage = find_damage(file)
        except sqlite3.OperationalError as error:
            damage = str(error)
        if damage is not None:
            raise StackError(
                f"the database {file} is damaged ({damage}); put a copy of the file in its place, or move it away to "
                f"start without what it contains"
            )


@contextmanager
def folder_errors_reported(data: Path) -> Iterator[None]:
    """Report an operating system's error about the data folder as one sentence.

    Raises:
        StackError: The disk became full in the block, the user's quota is used up, or a file in the folder cannot be
            used.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StackError(_full(data, error.strerror or "no space is left")) from error
        if not isinstance(error.filename, str | os.PathLike) or data not in Path(error.filename).parents:
            raise
        raise StackError(
            f"the data folder {data} cannot be used: {error.strerror} ({error.filename}); "
            f"correct that, or choose another folder with --data"
        ) from error


def _full(data: Path, reason: str) -> str:
    return f"the disk of {data} is full ({reason}); free some space, or choose a folder on another disk with --data"

"""A stack does not start on a disk that is full, and says so in one sentence."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from local_stack.data_folder import check_space, full_disk_reported, locked
from local_stack.errors import StackError

MANY = 1_000_000


def disk(monkeypatch: pytest.MonkeyPatch, *, blocks: int = MANY, files: int = MANY, files_free: int = MANY) -> None:
    """Let the operating system report a disk with blocks of 1 KB."""
    found = SimpleNamespace(f_bavail=blocks, f_frsize=1024, f_files=files, f_favail=files_free)
    monkeypatch.setattr(os, "statvfs", lambda _: found)


@pytest.mark.parametrize(
    ("blocks", "files_free", "reason"),
    [
        (1023, MANY, "1023 KB are free, and a stack needs 1024 KB"),
        (0, MANY, "0 KB are free, and a stack needs 1024 KB"),
        (MANY, 31, "31 more files are possible, and a stack needs 32"),
    ],
)
def test_full_disk_is_refused_with_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int, files_free: int, reason: str
) -> None:
    disk(monkeypatch, blocks=blocks, files_free=files_free)

    with pytest.raises(StackError) as refused:
        check_space(tmp_path)

    assert str(refused.value) == (
        f"the disk of {tmp_path} is full ({reason}); free some space, or choose a folder on another disk with --data"
    )


def test_disk_without_a_limit_of_files_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk(monkeypatch, blocks=1024, files=0, files_free=0)

    check_space(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_disk_that_becomes_full_during_the_start_is_reported(tmp_path: Path, number: int) -> None:
    with pytest.raises(StackError, match=f"the disk of {tmp_path} is full"), full_disk_reported(tmp_path):
        raise OSError(number, os.strerror(number))


def test_other_errors_are_not_reported_as_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), full_disk_reported(tmp_path):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")


def test_folder_is_locked_once(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "data"),
        pytest.raises(StackError, match="another stack is running on"),
        locked(tmp_path / "data"),
    ):
        raise AssertionError("the second lock was given")

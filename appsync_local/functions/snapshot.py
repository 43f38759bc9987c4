"""Copies of the handlers' code, so that what is half saved, or wrong, is never what a new worker imports.

Workers are started under a link that leads to the newest copy, and each one stays with the copy that it found there,
also for what it imports later.
"""

import logging
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_log: Final = logging.getLogger(__name__)

KEPT: Final = 20  # copies: an event that runs may still import something from an older one


class Snapshots:
    """The copies.

    Args:
        source: Where the code is written.
        names: Files and folders of it that are copied.
        folder: Where copies go; emptied first.
    """

    def __init__(self, source: Path, names: Sequence[str], folder: Path) -> None:
        self._source = source
        self._names = tuple(names)
        self._folder = folder
        self._count = 0
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)

    @property
    def root(self) -> Path:
        """What handlers are imported from: the newest copy."""
        return self._folder / "current"

    def take(self) -> None:
        """Copy the code as it is now; from here on, new workers import it."""
        self._count += 1
        copy = self._folder / str(self._count)
        copy.mkdir()
        for name in self._names:
            if (self._source / name).is_dir():
                shutil.copytree(
                    self._source / name, copy / name, copy_function=_copy_file, ignore_dangling_symlinks=True
                )
            else:
                shutil.copy2(self._source / name, copy / name)
        _take_over_bytecode(self._folder / str(self._count - 1), copy)
        _make_private(copy)
        link = self._folder / "next"
        link.unlink(missing_ok=True)  # left by a call that failed after making it
        link.symlink_to(copy.name)
        link.replace(self.root)
        shutil.rmtree(self._folder / str(self._count - KEPT), ignore_errors=True)


def _take_over_bytecode(before: Path, copy: Path) -> None:
    """Take over what workers have compiled. Otherwise all new ones would compile all modules again, at the same time.

    Python compares the time and the size of the source, so it does not use what is outdated.
    """
    for compiled in before.rglob(f"__pycache__/*.{sys.implementation.cache_tag}.pyc"):
        new = copy / compiled.relative_to(before)
        source = new.parent.parent / f"{new.name.partition('.')[0]}.py"
        if source.is_file() and not new.exists():
            new.parent.mkdir(exist_ok=True)
            _copy_file(str(compiled), str(new))


def _make_private(copy: Path) -> None:
    """Let only this user read a copy. The modes of the originals do not matter."""
    for folder, _, names in os.walk(copy):
        Path(folder).chmod(0o700)
        for name in names:
            Path(folder, name).chmod(0o600)


def _copy_file(source: str, target: str) -> None:
    """Copy one file of a folder. One that has vanished meanwhile, or cannot be read, is left out of the copy."""
    try:
        shutil.copy2(source, target)
    except FileNotFoundError:
        _log.debug("%s was removed while the handlers' code was copied", source)
    except PermissionError as error:
        _log.warning("%s cannot be read, so the handlers run without it: %s", source, error.strerror)

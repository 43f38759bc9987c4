"""Builds the wheels and source archives of `longcall` and of `appsync-local` into a folder: `make dist`."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from setuptools import build_meta

from build_backend import longcall_backend
from build_backend.longcall_backend import IGNORED, ROOT


def main(target: Path) -> None:
    """Build everything into the folder `target`, which is emptied first."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    os.chdir(ROOT)
    longcall_backend.build_sdist(str(target))
    longcall_backend.build_wheel(str(target))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "appsync_local", Path(folder, "engine"), ignore=IGNORED)
        os.chdir(Path(folder, "engine"))
        build_meta.build_wheel(str(target))
        os.chdir(ROOT)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

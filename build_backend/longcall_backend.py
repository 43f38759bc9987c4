"""Builds the distribution `longcall`: setuptools, with the project's base inside the package.

The base is what a stack is made of: handlers, schema, resolvers, infrastructure and the local stack. In the repository
its folders are at the top level. In the wheel they are in `longcall/_base/`, so that an installation adds no other
top-level name. `longcall.base` finds them in both places.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
]

ROOT: Final = Path(__file__).resolve().parent.parent
BASE: Final = (
    ".chalice/config.json", "app.py", "chalicelib", "console/dist", "graphql", "infrastructure", "local_stack",
    "requirements.txt", "requirements/lambda-openai.txt",
)  # fmt: skip
PROJECT: Final = ("pyproject.toml", "README.md", "longcall")
OPTIONAL: Final = ("LICENSE", "NOTICE")
IGNORED: Final = shutil.ignore_patterns("__pycache__", "*.pyc", "node_modules", "cdk.out*", "cdk.context.json")


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,  # noqa: ARG001
) -> str:
    """See PEP 517. The metadata is always made anew."""
    target = str(Path(wheel_directory).resolve())
    with _copied(base=Path("longcall", "_base")):
        return str(build_meta.build_wheel(target, config_settings, None))


def build_sdist(sdist_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """See PEP 517."""
    target = str(Path(sdist_directory).resolve())
    with _copied(base=Path()) as folder:
        shutil.copytree(ROOT / "build_backend", folder / "build_backend", ignore=IGNORED)
        names = [path.name for path in folder.iterdir()]
        lines = (f"graft {name}" if (folder / name).is_dir() else f"include {name}" for name in sorted(names))
        (folder / "MANIFEST.in").write_text("\n".join((*lines, "")))
        return str(build_meta.build_sdist(target, config_settings))


@contextmanager
def _copied(*, base: Path) -> Iterator[Path]:
    """Work in a copy of the sources, with the base in the folder `base` of it: a build writes beside its sources."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source in (*PROJECT, *(it for it in OPTIONAL if (ROOT / it).exists())):
            _copy(ROOT / source, folder / source)
        for source in BASE:
            _copy(ROOT / source, folder / base / source)
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=IGNORED)
    else:
        shutil.copy(source, target)

"""Reloads schema, resolvers and handlers of a running stack when their files change."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import infrastructure.api
from appsync_local.devtools.file_watcher import FileWatcher
from appsync_local.devtools.health import LoopHealth
from appsync_local.devtools.reload import Reloader
from appsync_local.functions.import_check import check_imports
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.snapshot import Snapshots
from chalicelib.workloads.own.reading import FOLDER as WORKLOADS
from chalicelib.workloads.registry import find_own
from infrastructure.project import STAGES_FILE, Project
from local_stack.blueprint import Blueprint

if TYPE_CHECKING:
    from appsync_local.http.server import Engine

HANDLERS: Final = ("app.py",)
HANDLER_FOLDERS: Final = ("chalicelib", WORKLOADS)


class SnapshotHandlers:
    """Workers that import a copy of the handlers' code, taken when the code was last known to be importable."""

    def __init__(self, runtime: FunctionRuntime, snapshots: Snapshots) -> None:
        self._runtime = runtime
        self._snapshots = snapshots

    def renew(self) -> None:
        """See `Renewable`."""
        self._snapshots.take()
        self._runtime.renew()


async def import_problems(blueprint: Blueprint) -> Sequence[str]:
    """Why Longcall's handlers or workloads cannot be used, one sentence each, with file and line; empty if all can.

    A function with a package of its own is not imported: it may need its environment, and fails alone, as on Lambda.
    """
    return () if blueprint.ledger is None else await _problems(blueprint.root, _handlers(blueprint))


def _handlers(blueprint: Blueprint) -> set[str]:
    return {function.handler for function in blueprint.functions if function.package is None}


async def _problems(root: Path, handlers: Iterable[str], changed: Sequence[Path] = ()) -> Sequence[str]:
    found = find_own(root)
    if found.problems:
        return found.problems
    own = {f"{it.module}.{it.function}" for it in found.workloads}
    return await check_imports(root, {*handlers, *own}, changed)


def snapshots_of(blueprint: Blueprint, data: Path) -> Snapshots:
    """Copies of the handlers' code, below `data`; the first is taken at once."""
    snapshots = Snapshots(blueprint.root, (*HANDLERS, *_folders(blueprint.root)), data / "handlers")
    snapshots.take()
    return snapshots


def file_watcher(
    engine: "Engine",
    runtime: FunctionRuntime,
    blueprint: Blueprint,
    snapshots: Snapshots,
    health: LoopHealth,
    project: Project | None,
) -> FileWatcher:
    """Watches schema, resolvers, handlers and workloads, and reloads what changes, between `start` and `stop`."""
    root = blueprint.root
    fixed = {Path(infrastructure.api.__file__), *([] if project is None else [project.folder / STAGES_FILE])}
    handlers = _handlers(blueprint)
    reloader = Reloader(
        root, engine, SnapshotHandlers(runtime, snapshots), lambda changed: _problems(root, handlers, changed),
        fixed=frozenset(fixed),
    )  # fmt: skip
    folders = {*_code_folders(blueprint), *(root / name for name in _folders(root))}
    files = {*fixed, *(root / name for name in HANDLERS)}
    return FileWatcher(reloader, folders=sorted(folders), files=sorted(files), health=health)


def _code_folders(blueprint: Blueprint) -> list[Path]:
    return [folder for api in blueprint.apis for folder in (api.schema.parent, api.code)]


def _folders(root: Path) -> list[str]:
    return [name for name in HANDLER_FOLDERS if (root / name).is_dir()]

"""Reloads schema, resolvers and handlers of a running stack when their files change."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import infrastructure.api
from appsync_local.devtools.file_watcher import FileWatcher
from appsync_local.devtools.health import LoopHealth
from appsync_local.devtools.reload import Reloader
from appsync_local.functions.import_check import check_imports
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.snapshot import Snapshots
from appsync_local.functions.spec import FunctionSpec
from appsync_local.http.server import Engine
from local_stack.blueprint import Blueprint

HANDLERS: Final = ("app.py",)
HANDLER_FOLDERS: Final = ("chalicelib",)


class SnapshotHandlers:
    """Workers that import a copy of the handlers' code, taken when the code was last known to be importable."""

    def __init__(self, runtime: FunctionRuntime, snapshots: Snapshots) -> None:
        self._runtime = runtime
        self._snapshots = snapshots

    def renew(self) -> None:
        """See `Renewable`."""
        self._snapshots.take()
        self._runtime.renew()


async def import_problems(root: Path, functions: Sequence[FunctionSpec]) -> Sequence[str]:
    """Why handlers cannot be imported, one sentence each, with file and line; empty if all can."""
    return await check_imports(root, {function.handler for function in functions})


def snapshots_of(blueprint: Blueprint, data: Path) -> Snapshots:
    """Copies of the handlers' code, below `data`; the first is taken at once."""
    snapshots = Snapshots(blueprint.root, (*HANDLERS, *HANDLER_FOLDERS), data / "handlers")
    snapshots.take()
    return snapshots


def file_watcher(
    engine: Engine, runtime: FunctionRuntime, blueprint: Blueprint, snapshots: Snapshots, health: LoopHealth
) -> FileWatcher:
    """Watches schema, resolvers and handlers, and reloads what changes, between `start` and `stop`."""
    root, api_file = blueprint.root, Path(infrastructure.api.__file__)
    handlers = {function.handler for function in blueprint.functions}
    reloader = Reloader(
        root, engine, SnapshotHandlers(runtime, snapshots), lambda changed: check_imports(root, handlers, changed),
        fixed=frozenset({api_file}),
    )  # fmt: skip
    folders = {blueprint.schema.parent, blueprint.code, *(root / name for name in HANDLER_FOLDERS)}
    files = {api_file, *(root / name for name in HANDLERS)}
    return FileWatcher(reloader, folders=sorted(folders), files=sorted(files), health=health)

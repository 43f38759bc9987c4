"""Builds the zip that every function runs from, with Chalice. The same content gives the same bytes.

Chalice builds twice. The dependencies are built from the requirements alone and cached with their bytecode, because pip
needs ten seconds for them; pip checks their hashes. The app is built from a copy without dependencies, in less than a
second. Chalice's own cache depends on the app's files too, so that every edit would cost those ten seconds.

The zip contains bytecode because Lambda's code folder is read-only: without it every cold start would compile every
module. Python does not compare this bytecode with the time of its source.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infrastructure.own_code import PackagingFailed as PackagingFailed  # users of this module catch it
from infrastructure.own_code import add_libraries, add_workloads, libraries, versions

CHALICE: Final = "from chalice.cli import main; main()"  # the package has no `__main__`
LAMBDA_ROOT: Final = "/var/task"  # where Lambda unpacks the zip; tracebacks show it
EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the time of every entry; the earliest that a zip can store
# The Python of the functions on Lambda. The bytecode and the wheels in the zip are for this version alone, so the same
# version must build the zip. Run the tests with a new version before you change it.
LAMBDA_PYTHON: Final = (3, 11)
RUNTIME: Final = "python{}.{}".format(*LAMBDA_PYTHON)
PROJECT_CACHE: Final = ".packages"  # of a project: its dependencies, compiled
LEFT_OUT: Final = ("__pycache__", "*.pyc", "debug.py")  # `chalicelib/debug.py` serves `chalice local` alone
NOTHING: Final = """\
from chalice.app import Chalice
app = Chalice(app_name="nothing")
@app.lambda_function()
def nothing(event, context): ...
"""  # the smallest app that Chalice packages


@dataclass(frozen=True, slots=True)
class Package:
    """The zip, and the functions as a SAM template."""

    archive: Path
    sam_template: Mapping[str, Any]


def build(
    source: Path, into: Path, *, stage: str, requirements: str = "requirements.txt", project: Path | None = None
) -> Package:
    """Build the app in `source` into the folder `into`.

    Args:
        source: The folder with `app.py`, `chalicelib/`, `.chalice/config.json` and the requirements.
        into: An empty folder.
        stage: Chalice's name for the deployment.
        requirements: The file in `source` with all dependencies, each with one version and its hashes.
        project: The folder of a project with `workloads/`, which may contain a `requirements.txt`; None: no workloads
            but Longcall's.

    Raises:
        PackagingFailed: This Python is not the one of the functions.
        PackagingFailed: A dependency has no wheel for Lambda or a wrong hash, or the app cannot be packaged.
        PackagingFailed: The project's dependencies cannot be read, or contradict those of the handlers.
    """
    check_python(sys.version_info[:2])
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder, "app")
        shutil.copytree(source / "chalicelib", app / "chalicelib", ignore=shutil.ignore_patterns(*LEFT_OUT))
        shutil.copy(source / "app.py", app)
        (app / ".chalice").mkdir()
        shutil.copy(source / ".chalice" / "config.json", app / ".chalice")
        (app / "requirements.txt").touch()
        made = _run_chalice(app, Path(folder, "made"), stage=stage)
        tree = Path(folder, "tree")
        cache = source / ".chalice" / "deployments" if project is None else project / PROJECT_CACHE
        config = source / ".chalice" / "config.json"
        _unpack(_dependencies((source / requirements).read_text(), config, cache), tree)
        if project is not None and (own := libraries(project)):
            brought = Path(folder, "brought")
            _unpack(_dependencies(own, config, cache), brought)
            add_libraries(brought, tree)
        _unpack(made / "deployment.zip", Path(folder, "own"))
        add_workloads(project, Path(folder, "own"), ignored=LEFT_OUT)
        _compile(Path(folder, "own"))
        shutil.copytree(Path(folder, "own"), tree, dirs_exist_ok=True)
        archive = into / "deployment.zip"
        pack(tree, archive)
        return Package(archive, json.loads((made / "sam.json").read_text()))


def check_python(found: tuple[int, ...]) -> None:
    """Check that the zip is built by the Python version of the functions.

    Args:
        found: Major and minor version of this Python.

    Raises:
        PackagingFailed: It is another version.
    """
    if found != LAMBDA_PYTHON:
        wanted, have = (".".join(map(str, it)) for it in (LAMBDA_PYTHON, found))
        raise PackagingFailed(
            f"the functions run on Python {wanted}, so the zip must be built by Python {wanted}, but .venv has Python "
            f"{have}; install Python {wanted}, run `make clean`, and then `make deploy PYTHON=python{wanted}`"
        )


def pack(tree: Path, archive: Path) -> None:
    """Zip a folder; the same files give the same bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped:
        for file in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(tree).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, file.read_bytes())


def _dependencies(requirements: str, config: Path, cache: Path) -> Path:
    """A zip with the compiled requirements, from the cache or built into it. `config` is Chalice's."""
    key = hashlib.sha256(f"{requirements}\n{RUNTIME}\n{version('chalice')}".encode()).hexdigest()[:20]
    kept = cache / f"dependencies-{key}.zip"
    if kept.exists():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        project = Path(folder, "project")
        (project / ".chalice").mkdir(parents=True)
        (project / "app.py").write_text(NOTHING)
        shutil.copy(config, project / ".chalice")
        (project / "requirements.txt").write_text(requirements)
        made = _run_chalice(project, Path(folder, "made"), stage="dependencies")
        tree = Path(folder, "tree")
        _unpack(made / "deployment.zip", tree)
        (tree / "app.py").unlink()
        shutil.rmtree(tree / "chalice")  # the app's build contains it
        check_complete(tree, requirements)
        _compile(tree)
        pack(tree, Path(folder, "packed.zip"))
        Path(folder, "packed.zip").replace(kept)
    return kept


def check_complete(tree: Path, requirements: str) -> None:
    """Check that a folder contains every requirement. If Chalice finds no wheel, it only prints that.

    Raises:
        PackagingFailed: Requirements are missing; the message names all of them.
    """
    present = versions(tree)
    missing = [
        str(wanted)
        for wanted in _pinned(requirements)
        if (it := present.get(canonicalize_name(wanted.name))) is None or not wanted.specifier.contains(it)
    ]
    if missing:
        raise PackagingFailed(
            f"the package lacks {', '.join(missing)}; check that there is a wheel for {RUNTIME} on Linux (x86_64), and "
            "that pip reaches its index"
        )


def _pinned(requirements: str) -> Iterator[Requirement]:
    for line in requirements.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            wanted = Requirement(line.partition("--hash=")[0])
            if wanted.marker is None or wanted.marker.evaluate():
                yield wanted


def _run_chalice(project: Path, out: Path, *, stage: str) -> Path:
    """Run `chalice package` in its own process: it imports the app, and changes the environment of its process."""
    command = [sys.executable, "-c", CHALICE, "package", "--stage", stage, str(out)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LONGCALL_")}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode or not (out / "deployment.zip").exists():
        raise PackagingFailed(f"`chalice package` ended with exit code {done.returncode}: {done.stderr.strip()}")
    return out


def _unpack(archive: Path, into: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(into)


def _compile(tree: Path) -> None:
    """Write bytecode for every module, in a fresh process: the bytes depend on what else a process has loaded."""
    for stray in tree.rglob("__pycache__"):
        shutil.rmtree(stray)
    command = [
        sys.executable, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash",
        "-s", str(tree), "-p", LAMBDA_ROOT, str(tree),
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603
        command, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PackagingFailed(f"a module in the package cannot be compiled: {(done.stdout + done.stderr).strip()}")

"""The zip that every function runs from: built by Chalice, then made the same for the same content.

Chalice builds twice. Dependencies are built from the requirements alone and kept, with their bytecode, because
resolving them takes pip and ten seconds; the app is built from a copy without them, in less than one. Chalice's own
cache is keyed by the app's files as well, so that every edit, and every stray `.pyc`, would cost those ten seconds.

Bytecode goes into the zip because Lambda's code folder is read-only: without it every cold start compiles everything
again. It is the unchecked kind, which looks at no file's time.
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

CHALICE: Final = "from chalice.cli import main; main()"  # its module cannot be run as one
LAMBDA_ROOT: Final = "/var/task"  # where Lambda unpacks the zip; what tracebacks show
EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the time of every entry, the first that a zip can say
RUNTIME: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
LEFT_OUT: Final = ("__pycache__", "*.pyc", "debug.py")  # `chalicelib/debug.py` serves `chalice local` alone
NOTHING: Final = """\
from chalice.app import Chalice
app = Chalice(app_name="nothing")
@app.lambda_function()
def nothing(event, context): ...
"""  # the least that Chalice packages


class PackagingFailed(Exception):
    """The zip could not be built, or is not whole; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Package:
    """What Chalice made of the app: the zip, and the functions' resources as SAM describes them."""

    archive: Path
    sam_template: Mapping[str, Any]


def build(source: Path, into: Path, *, stage: str, requirements: str = "requirements.txt") -> Package:
    """Build the app in `source` into the folder `into`.

    Args:
        source: Holds `app.py`, `chalicelib/`, `.chalice/config.json` and the requirements.
        into: An empty folder.
        stage: The name that Chalice gives to what it deploys.
        requirements: The file in `source` with all dependencies, each at one version.

    Raises:
        PackagingFailed
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "app")
        shutil.copytree(source / "chalicelib", project / "chalicelib", ignore=shutil.ignore_patterns(*LEFT_OUT))
        shutil.copy(source / "app.py", project)
        (project / ".chalice").mkdir()
        shutil.copy(source / ".chalice" / "config.json", project / ".chalice")
        (project / "requirements.txt").touch()
        made = _run_chalice(project, Path(folder, "made"), stage=stage)
        tree = Path(folder, "tree")
        _unpack(_dependencies(source, requirements), tree)
        _unpack(made / "deployment.zip", Path(folder, "own"))
        _compile(Path(folder, "own"))
        shutil.copytree(Path(folder, "own"), tree, dirs_exist_ok=True)
        archive = into / "deployment.zip"
        pack(tree, archive)
        return Package(archive, json.loads((made / "sam.json").read_text()))


def pack(tree: Path, archive: Path) -> None:
    """Zip a folder so that the same files give the same bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped:
        for file in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(tree).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, file.read_bytes())


def _dependencies(source: Path, file: str) -> Path:
    """What the file of requirements asks for, compiled, as a zip: from the cache, or built into it."""
    requirements = (source / file).read_text()
    key = hashlib.sha256(f"{requirements}\n{RUNTIME}\n{version('chalice')}".encode()).hexdigest()[:20]
    cache = source / ".chalice" / "deployments"
    kept = cache / f"dependencies-{key}.zip"
    if kept.exists():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        project = Path(folder, "project")
        (project / ".chalice").mkdir(parents=True)
        (project / "app.py").write_text(NOTHING)
        shutil.copy(source / ".chalice" / "config.json", project / ".chalice")
        (project / "requirements.txt").write_text(requirements)
        made = _run_chalice(project, Path(folder, "made"), stage="dependencies")
        tree = Path(folder, "tree")
        _unpack(made / "deployment.zip", tree)
        (tree / "app.py").unlink()
        shutil.rmtree(tree / "chalice")  # comes with the app
        check_complete(tree, requirements)
        _compile(tree)
        pack(tree, Path(folder, "packed.zip"))
        Path(folder, "packed.zip").replace(kept)
    return kept


def check_complete(tree: Path, requirements: str) -> None:
    """Refuse a folder that lacks something pinned in `requirements`: Chalice only prints that it found no wheel.

    Raises:
        PackagingFailed: Names all that is missing.
    """
    present = {
        (canonicalize_name(name), found.partition("-")[2])
        for found in (path.name.removesuffix(".dist-info") for path in tree.glob("*.dist-info"))
        for name in (found.partition("-")[0],)
    }
    missing = [
        str(wanted)
        for wanted in _pinned(requirements)
        if not any(name == canonicalize_name(wanted.name) and wanted.specifier.contains(it) for name, it in present)
    ]
    if missing:
        raise PackagingFailed(
            f"the package has to hold all of its requirements, and lacks {', '.join(missing)}; "
            f"see whether there is a wheel for {RUNTIME} on Linux (x86_64), and whether pip reaches its index"
        )


def _pinned(requirements: str) -> Iterator[Requirement]:
    for line in requirements.splitlines():
        if line.strip() and not line.startswith("#"):
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate():
                yield wanted


def _run_chalice(project: Path, out: Path, *, stage: str) -> Path:
    """`chalice package` in a process of its own: it imports the app, and sets variables of the process it runs in."""
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
    """Bytecode beside every module. In a fresh process: what a busy one writes depends on what else it has loaded."""
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

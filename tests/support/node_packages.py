"""The npm packages of the JavaScript tests, installed once even if several processes need them at the same time."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "integration" / "clients" / "node"
OLDEST = 20  # the major version of Node that the packages need


def node_is_missing() -> str | None:
    """Why the packages cannot be used here; None if they can."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return f"Node {OLDEST} or newer is not installed"
    version = subprocess.run([found("node"), "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST:
        return f"Node {OLDEST} or newer is needed, and {version} is installed"
    return None


def install(folder: Path = FOLDER) -> None:
    """Install the versions that a folder's `package.json` pins, unless they are installed already."""
    manifest = json.loads((folder / "package.json").read_text())
    pinned = manifest.get("dependencies", {}) | manifest.get("devDependencies", {})
    with (folder / "package.json").open() as lock:  # `npm ci` deletes the folder of packages first
        fcntl.flock(lock, fcntl.LOCK_EX)
        if any(_installed(folder, name) != version.rpartition("@")[2] for name, version in pinned.items()):  # npm:x@1
            subprocess.run([found("npm"), "ci", "--silent"], cwd=folder, check=True, capture_output=True)


def found(program: str) -> str:
    """The path of a program that `node_is_missing` has found."""
    path = shutil.which(program)
    assert path is not None, f"{program} was found before"
    return path


def _installed(folder: Path, package: str) -> str | None:
    manifest = folder / "node_modules" / package / "package.json"
    return json.loads(manifest.read_text())["version"] if manifest.exists() else None

"""The folder of the TypeScript client: its packages, its programs, and the losses that it is tested with."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support import node_packages
from tests.support.node_packages import found, node_is_missing

CLIENT: Final = Path(__file__).resolve().parents[3] / "clients" / "typescript"
TIMEOUT: Final = 300.0  # seconds; only ends a program that hangs
LOSSES: Final = "drop=0.5,duplicate=0.2,reorder=0.3,disconnect=0.05,seed=7"


def require_packages() -> None:
    """Install the packages, or skip the tests where Node is missing."""
    if missing := node_is_missing():
        pytest.skip(missing)
    node_packages.install(CLIENT)


def run(*command: str) -> str:
    """Run a program in the client's folder; return what it printed."""
    command = (found(command[0]), *command[1:])
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bundle(source: str, target: Path, *options: str) -> None:
    """Put a TypeScript file and everything that it imports into one JavaScript file."""
    run("npx", "esbuild", source, "--bundle", *options, f"--outfile={target}", "--log-level=error")

"""Node scripts as child processes. They print one JSON object per line for the tests."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

NODE = Path(__file__).resolve().with_name("node")
TIMEOUT = 90.0  # seconds for all scripts; Amplify alone waits 5 s before it reconnects
OLDEST = 20  # the major version of Node that the clients need

Line = Mapping[str, Any]


def node_is_missing() -> str | None:
    """Why the scripts cannot run here; None if they can."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return f"Node {OLDEST} or newer is not installed: the JavaScript clients are not tested"
    version = subprocess.run([_found("node"), "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST:
        return f"Node {OLDEST} or newer is needed, and {version} is installed: the JavaScript clients are not tested"
    return None


def install() -> None:
    """Install the versions that `package.json` pins, unless they are installed already."""
    pinned = json.loads((NODE / "package.json").read_text())["dependencies"]
    if any(_installed(name) != version for name, version in pinned.items()):
        subprocess.run([_found("npm"), "ci", "--silent"], cwd=NODE, check=True, capture_output=True)


def _found(program: str) -> str:
    path = shutil.which(program)
    assert path is not None, f"{program} was found before"
    return path


def _installed(package: str) -> str | None:
    manifest = NODE / "node_modules" / package / "package.json"
    return json.loads(manifest.read_text())["version"] if manifest.exists() else None


@dataclass
class Script:
    """A script that is running or has ended."""

    name: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    errors: IO[bytes]

    @classmethod
    def start(cls, folder: Path, stack_file: Path, script: str, *arguments: str) -> "Script":
        """Start a script with the stack file as its first argument, and its output in `folder`."""
        name = " ".join((script, *arguments))
        stem = name.replace(" ", "-")
        output, errors = (folder / f"{stem}.out").open("w+b"), (folder / f"{stem}.err").open("w+b")
        process = subprocess.Popen(
            [_found("node"), script, str(stack_file), *arguments], cwd=NODE, stdout=output, stderr=errors
        )
        return cls(name, process, output, errors)

    def lines(self) -> list[Line]:
        """Wait for the script to end without an error; returns everything that it printed."""
        try:
            code = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.output.seek(0)
        self.errors.seek(0)
        printed = [json.loads(line) for line in self.output.read().splitlines()]
        assert code == 0, f"{self.name} ended with {code} after {printed[-1:]}: {self.errors.read().decode()}"
        return printed

    def stop(self) -> None:
        """Kill the script if it is still running."""
        self.process.kill()
        self.process.wait()
        self.output.close()
        self.errors.close()

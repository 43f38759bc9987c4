"""Node scripts run as child processes: they print one JSON object per line, and the tests read those."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

NODE = Path(__file__).resolve().with_name("node")
PATIENCE = 90.0  # seconds for all scripts at once; Amplify alone waits 5 s before it reconnects
OLDEST = 20  # the major version of Node that the clients need

Line = Mapping[str, Any]


def node_is_missing() -> str | None:
    """Why the scripts cannot run here; None where they can."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return f"Node {OLDEST} or newer is not installed: the JavaScript clients are not tried"
    version = subprocess.run([_found("node"), "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST:
        return f"Node {OLDEST} or newer is needed, and {version} is installed: the JavaScript clients are not tried"
    return None


def install() -> None:
    """Install what `package.json` pins, unless exactly that is there."""
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
    """A script that runs, or has ended."""

    name: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    errors: IO[bytes]

    @classmethod
    def start(cls, folder: Path, stack_file: Path, script: str, *arguments: str) -> "Script":
        """Every script takes the stack's file as its first argument, and keeps its output in `folder`."""
        name = " ".join((script, *arguments))
        stem = name.replace(" ", "-")
        output, errors = (folder / f"{stem}.out").open("w+b"), (folder / f"{stem}.err").open("w+b")
        process = subprocess.Popen(
            [_found("node"), script, str(stack_file), *arguments], cwd=NODE, stdout=output, stderr=errors
        )
        return cls(name, process, output, errors)

    def lines(self) -> list[Line]:
        """Everything that it printed, once it has ended well."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.output.seek(0)
        self.errors.seek(0)
        printed = [json.loads(line) for line in self.output.read().splitlines()]
        assert code == 0, f"{self.name} ended with {code} after {printed[-1:]}: {self.errors.read().decode()}"
        return printed

    def stop(self) -> None:
        """End it, whether it has ended or not."""
        self.process.kill()
        self.process.wait()
        self.output.close()
        self.errors.close()

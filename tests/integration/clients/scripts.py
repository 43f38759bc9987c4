"""Node scripts as child processes. They print one JSON object per line for the tests."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.support.node_packages import FOLDER, found

TIMEOUT = 90.0  # seconds for all scripts; Amplify alone waits 5 s before it reconnects

Line = Mapping[str, Any]


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
            [found("node"), script, str(stack_file), *arguments], cwd=FOLDER, stdout=output, stderr=errors
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

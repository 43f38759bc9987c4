"""A copy of the source code that a test may change, and a local stack that serves it."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from longcall import Client, CognitoPassword, LambdaToken
from longcall.listening import Link
from tests.acceptance.stack import READY, wait_until
from tests.contract.conftest import ROOT

CODE = ("app.py", "appsync_local", "chalicelib", "graphql", "infrastructure", "local_stack", "longcall")
IGNORED = shutil.ignore_patterns("node_modules", "cdk.out*")

# Imports come from the copy only: neither from the working directory nor from the editable installation.
START: Final = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path.insert(0, sys.argv.pop(1))
from local_stack.command import main
main()
"""


class Checkout:
    """The copied code, and what its stack prints."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "code"
        self.data = folder / "data"
        self._log = folder / "log"
        self.root.mkdir(parents=True)
        for name in CODE:
            source, target = ROOT / name, self.root / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=IGNORED)
            else:
                shutil.copy2(source, target)

    def change(self, file: str, old: str, new: str) -> None:
        """Replace text in a file in one step, as an editor saves it."""
        path = self.root / file
        text = path.read_text()
        assert old in text, f"{file} does not contain {old!r}; change this test to replace other text"
        staged = path.with_suffix(".saving")
        staged.write_text(text.replace(old, new, 1))
        staged.replace(path)

    @property
    def output(self) -> str:
        return self._log.read_text()

    def serve(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-c", START, str(self.root), "--port", "0", "--data", str(self.data),
            *arguments,
        ]  # fmt: skip
        with self._log.open("wb") as log:
            return subprocess.Popen(command, cwd=self.root, stdout=log, stderr=log, env=dict(os.environ))

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Mapping[str, Any]]:
        """Run a stack on the copy until the block ends; yields the content of its `stack.json`."""
        process = self.serve(*arguments)
        try:
            path = self.data / "stack.json"
            wait_until(lambda: path.exists() or process.poll() is not None, READY)
            assert path.exists(), self.output
            yield json.loads(path.read_text())
        finally:
            process.terminate()
            process.wait(READY)


def sign_in(stack: Mapping[str, Any]) -> CognitoPassword:
    user = stack["users"][0]
    return CognitoPassword(
        stack["region"], stack["clientId"], user["username"], user["password"], endpoint_url=stack["cognitoUrl"]
    )


def client(stack: Mapping[str, Any], on_link: Callable[[Link], None]) -> Client:
    return Client(stack["graphqlUrl"], authorization=LambdaToken(sign_in(stack)), on_link=on_link)


def ask(stack: Mapping[str, Any], headers: Mapping[str, str], query: str) -> Any:
    """Send one query and return the JSON of the response."""
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(stack["graphqlUrl"], body, dict(headers))  # noqa: S310
    with urllib.request.urlopen(request, timeout=READY) as response:  # noqa: S310
        return json.load(response)

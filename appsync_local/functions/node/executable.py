"""The Node.js of this machine."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

OLDEST: Final = 20  # the oldest major version that the worker is tested with
NODE_IS_MISSING: Final = (
    f"this machine has no program `node`; install Node.js {OLDEST} or newer, and start again with it on the PATH"
)
_VERSION: Final = re.compile(r"v(\d+)\.\d+\.\d+")
_RUNTIME: Final = re.compile(r"nodejs(\d+)\.x")
_WAIT: Final = 10.0  # seconds for `node --version` on a busy machine


def find_node() -> Path | None:
    """The program that runs functions for Node.js; None: no `node` is on the PATH."""
    found = shutil.which("node")
    return None if found is None else Path(found)


def why_unusable(runtime: str) -> str | None:
    """Why this machine's Node.js cannot run a function, as the end of a sentence; None: it can.

    Args:
        runtime: AWS's identifier, as `nodejs22.x`.
    """
    node = find_node()
    if node is None:
        return NODE_IS_MISSING
    needed = max(OLDEST, major_of(runtime) or OLDEST)
    version = installed_major(node)
    if version is None:
        return f"{node} does not print its version; install Node.js {needed} or newer"
    if version < needed:
        return f"{node} is version {version}; install Node.js {needed} or newer"
    return None


def major_of(runtime: str) -> int | None:
    """The major version that a runtime is named for; None: its name has none."""
    found = _RUNTIME.fullmatch(runtime)
    return None if found is None else int(found[1])


@cache
def installed_major(node: Path) -> int | None:
    """The major version of a program `node`; None: the program did not print it."""
    try:
        printed = subprocess.run(  # noqa: S603  # the developer's own node, no shell
            [node, "--version"], check=True, capture_output=True, text=True, timeout=_WAIT
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.match(printed)
    return None if found is None else int(found[1])

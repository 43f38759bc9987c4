"""Installs what the tests take from npm and from Debian, while `make test` installs Python's packages.

It needs no package itself. What it cannot install is no error here: the tests that need it try again, and say so.
"""

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.support import chromium, mariadb, node_packages, postgresql

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = tuple(
    ROOT / name
    for name in (
        "tests/integration/clients/node", "console", "clients/typescript", "tests/integration/codegen/node",
        "examples/chat", "tests/integration/introspection/node",
    )
)  # fmt: skip


def main() -> None:
    """Install everything that is missing."""
    for find in (chromium.find_browser, postgresql.find_programs, mariadb.find_server):
        with suppress(subprocess.SubprocessError):
            find()
    if node_packages.node_is_missing() is None:
        for folder in FOLDERS:
            with suppress(subprocess.SubprocessError):
                node_packages.install(folder)


if __name__ == "__main__":
    main()

"""The commands and the programs of the documents run as they are printed, against one stack.

A block that is not run here has a comment before it that says why, or which test runs it. A block of the language
`text` is output or a drawing.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.stack import running_stack
from tests.contract.conftest import ROOT
from tests.support.document_blocks import OUTPUT, RUNNABLE, SHELLS, Block, blocks_of

BOUND = 120.0  # seconds
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))  # the Japanese pages have the same blocks
BLOCKS = [block for page in PAGES for block in blocks_of(page, ROOT)]
TO_RUN = list({block.code: block for block in BLOCKS if block.language in RUNNABLE and not block.is_marked}.values())
# Calls the function of a program that leaves its call to the reader.
CALL = """
import inspect, json, os, subprocess
if inspect.iscoroutinefunction(globals().get("main")) and inspect.signature(main).parameters:
    api = json.loads(subprocess.run(["longcall", "env", "--json"], capture_output=True, check=True).stdout)
    asyncio.run(main(api, "ada@example.com", "Local-only-1"))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder in which a stack runs, with the files that the documents name."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("report.txt", "notes.txt"):
        (folder / name).write_text(
            "The first sentence says what this is about. The second one adds a detail.\n", "utf-8"
        )
    (folder / "query.json").write_text('{"query": "{ listInferences { items { jobId } } }"}', "utf-8")
    for name in ("src", "web"):
        (folder / name).mkdir()
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (folder / "examples").symlink_to(ROOT / "examples")
    with running_stack(folder / ".longcall"):
        yield folder


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LONGCALL_")}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def address(folder: Path) -> str:
    """Host and port of the stack, which are not the usual ones here."""
    found = re.search(r'"graphqlUrl": ?"http://([^/"]+)/', (folder / ".longcall" / "stack.json").read_text("utf-8"))
    assert found is not None
    return found[1]


def run(folder: Path, command: list[str], code: str) -> subprocess.CompletedProcess[str]:
    """Run a program or a script as a reader does, in the folder with the stack."""
    return subprocess.run(
        command, input=code.replace("127.0.0.1:4000", address(folder)), cwd=folder, env=environment(folder),
        capture_output=True, text=True, timeout=BOUND, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("block", TO_RUN, ids=lambda block: block.place)
def test_block_runs_as_it_is_printed(folder: Path, block: Block) -> None:
    if block.language in SHELLS:
        ended = run(folder, ["/bin/bash", "-euo", "pipefail"], block.script)
    else:
        ended = run(folder, [sys.executable, "-W", "error", "-"], block.code + CALL)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_other_block_says_why_it_is_not_run() -> None:
    assert [block.place for block in BLOCKS if block.language not in {*RUNNABLE, OUTPUT} and not block.is_marked] == []
    assert [block.place for block in BLOCKS if block.reason is not None and len(block.reason.split()) < 3] == []


def test_every_test_that_runs_a_block_exists() -> None:
    missing = []
    for block in BLOCKS:
        if block.tested_by is not None:
            file, _, name = block.tested_by.partition("::")
            path = ROOT / file
            if not path.is_file() or f"def {name}(" not in path.read_text("utf-8"):
                missing.append(f"{block.place}: {block.tested_by}")

    assert missing == []

"""The code in the page about JavaScript clients is code that the tests run."""

import json
import re

from tests.integration.clients.conftest import CONNECTIONS, FOLLOWERS
from tests.support.node_packages import FOLDER as NODE

PAGE = NODE.parents[3] / "docs" / "javascript-clients.md"
COMMANDS = (*FOLLOWERS, *(f"life.mjs {connection}" for connection in CONNECTIONS))


def test_every_block_of_code_is_part_of_a_script_that_the_tests_run() -> None:
    started = [command.split()[:2] for command in COMMANDS]
    names = {"follow.mjs", *(script for script, _ in started), *(f"{client}.mjs" for _, client in started)}
    scripts = [(NODE / name).read_text() for name in names]

    blocks = re.findall(r"^```js\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)

    assert len(blocks) >= 8
    assert [block for block in blocks if not any(block in script for script in scripts)] == []


def test_versions_are_pinned_exactly() -> None:
    pinned = json.loads((NODE / "package.json").read_text())["dependencies"]

    assert [version for version in pinned.values() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_lock_contains_no_download_address() -> None:
    assert '"resolved"' not in (NODE / "package-lock.json").read_text()

"""The web console in a real browser, on a whole stack whose pushes are lost: the tests of `console/tests`.

`LONGCALL_PICTURES=docs/images pytest tests/acceptance/test_console.py` also takes the pictures of the documentation.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.stack import running_stack
from tests.support import node_packages
from tests.support.chromium import find_browser
from tests.support.deployed_console import deployed_console
from tests.support.node_packages import found, node_is_missing

CONSOLE = Path(__file__).resolve().parents[2] / "console"
PICTURES = os.environ.get("LONGCALL_PICTURES")  # a folder


def test_the_console_passes_its_tests_in_a_browser(tmp_path: Path) -> None:
    if missing := node_is_missing():
        pytest.skip(missing)
    browser = find_browser()
    if browser is None:
        pytest.skip("no Chromium was found; install it (apt-get install chromium) to test the console in a browser")
    node_packages.install(CONSOLE)

    with running_stack(tmp_path / "data") as stack, deployed_console(stack.description) as deployed:
        environment = {
            "CHROMIUM": browser, "PLAYWRIGHT_OUTPUT": str(tmp_path / "output"),
            "LONGCALL_DEPLOYED_URL": deployed,
            "LONGCALL_URL": stack.url.removesuffix("/graphql").replace("127.0.0.1", "localhost"),
            **({} if PICTURES is None else {"PICTURES": str(Path(PICTURES).resolve())}),
        }  # fmt: skip
        done = subprocess.run(
            [found("npx"), "playwright", "test"], cwd=CONSOLE, env={**os.environ, **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr

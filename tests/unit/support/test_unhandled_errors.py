"""The guard against unhandled errors, in a pytest of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
INI: Final = "[pytest]\nasyncio_mode = auto\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
LOOP: Final = "was not handled"


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with the guard on one test module."""
    (folder / "pytest.ini").write_text(INI, encoding="utf-8")
    (folder / "test_it.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.unhandled_errors", "-p", "no:cacheprovider"]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, str(folder)], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("asyncio.get_running_loop().call_soon(lambda: 1 / 0)\n    await asyncio.sleep(0)", LOOP),
        ("asyncio.create_task(fail())\n    await asyncio.sleep(0)\n    await asyncio.sleep(0)\n    gc.collect()", LOOP),
        (
            "thread = threading.Thread(target=lambda: 1 / 0)\n    thread.start()\n    thread.join()",
            "PytestUnhandledThreadExceptionWarning",
        ),
    ],
    ids=["callback", "task", "thread"],
)
def test_an_unhandled_error_fails_the_test_that_caused_it(tmp_path: Path, body: str, reason: str) -> None:
    code = f"import asyncio, gc, threading\n\n\nasync def fail():\n    1 / 0\n\n\nasync def test_it():\n    {body}\n"

    ended = run(tmp_path, code)

    assert ended.returncode == 1
    assert reason in ended.stdout
    assert "ZeroDivisionError" in ended.stdout


def test_an_expected_error_is_checked_and_cleared(tmp_path: Path) -> None:
    code = """
import asyncio

async def test_it(unhandled_errors):
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    assert "ZeroDivisionError" in unhandled_errors.pop()
"""

    assert run(tmp_path, code).returncode == 0

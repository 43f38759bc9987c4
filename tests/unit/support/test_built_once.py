"""What the workers of a test run share: folders that one of them builds, and no module's fixtures."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Final

import pytest

from tests.support.built_once import built_once

ROOT: Final = Path(__file__).parents[3]
MODULE: Final = """
import os, pathlib, pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    with pathlib.Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(f"{__name__} {os.getpid()}\\n")
"""


def test_a_folder_that_several_want_at_once_is_built_once_and_complete_for_each(tmp_path: Path) -> None:
    builds: list[Path] = []
    together = Barrier(4)

    def build(folder: Path) -> None:
        builds.append(folder)
        (folder / "content").write_text("whole")

    def ask(_: int) -> str:
        together.wait(timeout=30)
        return (built_once(tmp_path / "built", build) / "content").read_text()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))

    assert found == ["whole"] * 4
    assert builds == [tmp_path / "built"]


def test_a_folder_whose_build_failed_is_built_again_from_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        built_once(tmp_path / "built", fail)
    folder = built_once(tmp_path / "built", lambda into: (into / "whole").touch())

    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_all_tests_of_a_file_run_in_one_process(tmp_path: Path) -> None:
    """With the options of `make test`; otherwise the fixtures of a module would be set up once in every process."""
    recipe = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "$(BIN)/pytest" in line)
    options = recipe.partition("/pytest ")[2].replace('"$$ARG_WORKERS"', "2").split()
    files = ("test_one", "test_two", "test_three", "test_four")
    for name in files:
        (tmp_path / f"{name}.py").write_text(MODULE)
    notes = tmp_path / "notes"

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=tmp_path, env={"NOTES": str(notes)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    ran = notes.read_text().splitlines()
    assert len(ran) == 4 * len(files)
    processes = {tuple(line.split()) for line in ran}
    assert len(processes) == len(files), "each file names one process"
    assert len({process for _, process in processes}) == 2

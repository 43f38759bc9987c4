"""Copies of the handlers' code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appsync_local.functions.snapshot import Snapshots


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project with one module and one package."""
    (tmp_path / "source" / "package").mkdir(parents=True)
    (tmp_path / "source" / "app.py").write_text("first")
    (tmp_path / "source" / "package" / "a.py").write_text("first")
    return tmp_path / "source"


def snapshots(source: Path) -> Snapshots:
    return Snapshots(source, ("app.py", "package"), source.parent / "copies")


def test_the_newest_copy_has_the_code_as_it_was_when_it_was_taken(source: Path) -> None:
    copies = snapshots(source)
    copies.take()
    (source / "app.py").write_text("second")

    before = (copies.root / "app.py").read_text()
    copies.take()

    assert (before, (copies.root / "app.py").read_text()) == ("first", "second")


def test_the_dangling_link_of_an_editor_is_left_out(source: Path) -> None:
    (source / "package" / ".#a.py").symlink_to("somebody@a-machine.1234")
    copies = snapshots(source)

    copies.take()

    assert os.listdir(copies.root / "package") == ["a.py"]  # noqa: PTH208


def test_a_file_that_vanishes_while_it_is_copied_is_left_out(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = shutil.copy2

    def copy(here: str, there: str) -> object:
        if Path(here).name == "b.py":
            Path(here).unlink()
        return original(here, there)

    (source / "package" / "b.py").write_text("about to be removed")
    monkeypatch.setattr(shutil, "copy2", copy)
    copies = snapshots(source)

    copies.take()

    assert os.listdir(copies.root / "package") == ["a.py"]  # noqa: PTH208


def test_a_file_that_cannot_be_read_is_left_out_and_named(
    source: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = shutil.copy2

    def copy(here: str, there: str) -> object:
        if Path(here).name == "b.py":
            raise PermissionError(13, "Permission denied", here)  # a chmod would not stop a test that runs as root
        return original(here, there)

    (source / "package" / "b.py").write_text("secret")
    monkeypatch.setattr(shutil, "copy2", copy)
    copies = snapshots(source)

    copies.take()

    assert os.listdir(copies.root / "package") == ["a.py"]  # noqa: PTH208
    assert "b.py cannot be read, so the handlers run without it: Permission denied" in caplog.text


def imported(copies: Snapshots) -> str:
    """What a new process imports from the newest copy. It keeps what it compiles there."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", "from package.a import VALUE; print(VALUE)"]
    root = copies.root.resolve()
    return subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def compiled(copies: Snapshots) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (copies.root / "package").glob("__pycache__/*")}


def test_a_new_copy_takes_over_what_was_compiled_in_the_one_before(source: Path) -> None:
    (source / "package" / "a.py").write_text("VALUE = 1")
    copies = snapshots(source)
    copies.take()
    assert imported(copies) == "1"
    before = compiled(copies)
    assert before

    copies.take()

    assert compiled(copies) == before
    assert imported(copies) == "1"
    assert compiled(copies) == before, "it was still valid"


def test_what_was_compiled_from_older_code_is_not_used(source: Path) -> None:
    (source / "package" / "a.py").write_text("VALUE = 1")
    copies = snapshots(source)
    copies.take()
    imported(copies)
    (source / "package" / "a.py").write_text("VALUE = 22")

    copies.take()

    assert imported(copies) == "22"


def test_nothing_is_taken_over_for_code_that_was_removed(source: Path) -> None:
    (source / "package" / "a.py").write_text("VALUE = 1")
    copies = snapshots(source)
    copies.take()
    imported(copies)
    shutil.rmtree(source / "package")
    (source / "package").mkdir()

    copies.take()

    assert compiled(copies) == {}

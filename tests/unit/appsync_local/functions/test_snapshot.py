"""Copies of the handlers' code."""

import os
import shutil
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

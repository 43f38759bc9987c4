"""The data folder: private whatever its modes were, and refused in one sentence if it cannot be used."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from local_stack.data_folder import folder_errors_reported, prepare
from local_stack.errors import StackError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """New files may be read by everybody, unless the code sets another mode."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def refusal(data: Path) -> str:
    with pytest.raises(StackError) as raised:
        prepare(data)
    return str(raised.value)


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"

    prepare(data)

    assert mode(data) == 0o700


def test_an_existing_folder_is_made_private_with_all_that_is_in_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "objects").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.touch()
    for name in ("jobs.db", "jobs.db-wal", "objects/one"):
        (data / name).touch()
    (data / "link").symlink_to(outside)

    prepare(data)

    assert {mode(path) for path in (data, data / "objects")} == {0o700}
    assert {mode(data / name) for name in ("jobs.db", "jobs.db-wal", "objects/one")} == {0o600}
    assert mode(outside) == 0o666


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / ".gitignore").touch()

    prepare(data)

    assert mode(data) == 0o700


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    tmp_path.chmod(0o755)

    assert "it has files that are not a stack's, such as letter.txt" in refusal(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    for data in (file, file / "below"):
        message = refusal(data)
        assert message == (
            "--data takes a folder that this user can write: a new one, an empty one, or one of an earlier stack. "
            f"{data} cannot be used: {file} is a file"
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    code = """
        import os, pathlib, sys
        from local_stack.data_folder import prepare
        os.chdir(sys.argv[1])  # another user could not reach it by its path
        os.setuid(65534)
        prepare(pathlib.Path("."))
    """
    command = [sys.executable, "-c", dedent(code), str(tmp_path)]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert "OptionInvalid" in ended.stderr
    assert "cannot be used: it belongs to another user (id 0)" in ended.stderr


def test_an_error_of_a_file_in_the_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "stack.json").mkdir()

    expected = r"cannot be used: Is a directory \(.*stack.json\); correct that"
    with pytest.raises(StackError, match=expected), folder_errors_reported(tmp_path):
        (tmp_path / "stack.json").write_text("")


def test_an_error_of_another_file_is_not_blamed_on_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), folder_errors_reported(tmp_path / "data"):
        (tmp_path / "missing").read_text()

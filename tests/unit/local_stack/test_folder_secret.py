"""What a data folder's secret is, and what follows from it."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from local_stack.errors import StackError
from local_stack.folder_secret import KEY_FILE, SECRET_FILE, FolderSecret, folder_secret
from local_stack.services.cognito.pool import Pool, PoolRules, pool_of


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        (tmp_path / name).mkdir(exist_ok=True)
        return tmp_path / name

    return make


def pool(secret: FolderSecret) -> Pool:
    return pool_of(secret, endpoint="http://127.0.0.1:4000/cognito-idp", users=3, rules=PoolRules())


def test_ids_and_keys_of_a_folder_stay_the_same(folder: Callable[[str], Path]) -> None:
    first, second = folder_secret(folder("one")), folder_secret(folder("one"))

    assert pool(first) == pool(second)
    assert first.access_key("operator") == second.access_key("operator")
    assert first.signing_key.private_numbers() == second.signing_key.private_numbers()


def test_two_folders_have_nothing_in_common(folder: Callable[[str], Path]) -> None:
    one, two = folder_secret(folder("one")), folder_secret(folder("two"))
    first, second = pool(one), pool(two)

    assert first.pool_id != second.pool_id
    assert first.client_id != second.client_id
    assert not {user.sub for user in first.users} & {user.sub for user in second.users}
    assert one.access_key("operator") != two.access_key("operator")
    assert one.signing_key.private_numbers() != two.signing_key.private_numbers()


def test_ids_have_cognitos_form(folder: Callable[[str], Path]) -> None:
    made = pool(folder_secret(folder("one")))

    assert made.pool_id.startswith("us-east-1_")
    assert len(made.name_for_srp) == 9
    assert made.name_for_srp.isalnum()
    assert len(made.client_id) == 26


def test_files_are_readable_by_their_owner_alone(folder: Callable[[str], Path]) -> None:
    data = folder("one")
    folder_secret(data)
    (data / KEY_FILE).chmod(0o644)  # as a careless copy has it

    folder_secret(data)

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in data.iterdir()}
    assert modes == {SECRET_FILE: 0o600, KEY_FILE: 0o600}


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (SECRET_FILE, b"short", "secret is damaged: expected 32 bytes, found 5"),
        (KEY_FILE, b"-----BEGIN", "signing-key.pem is damaged: it contains no private key"),
    ],
)
def test_damaged_file_is_reported_in_a_sentence(
    folder: Callable[[str], Path], file: str, content: bytes, words: str
) -> None:
    data = folder("one")
    folder_secret(data)
    (data / file).write_bytes(content)

    with pytest.raises(StackError, match=words):
        folder_secret(data)

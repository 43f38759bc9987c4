"""Invalid input: the command prints one sentence that says what to do, and sends nothing."""

import io
import json
import sys
from pathlib import Path

import pytest

from longcall.cli import main
from longcall.cli.callers import pick_user
from longcall.cli.exits import ExitCode
from longcall.cli.inputs import compose_prompt, compose_text, parse_messages
from longcall.cli.stack import Stack, User, find_stack, read_stack
from longcall.errors import ConfigurationError, InvalidInput
from longcall.requests import Message, Role, new_request

ID = "7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11"
ADA, GRACE = User("ada@example.com", "analytical"), User("grace@example.com", "compiler")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder without a stack, so that a command that accepts its input ends with another error."""
    monkeypatch.chdir(tmp_path)
    for name in ("LONGCALL_STACK", "LONGCALL_USERNAME", "LONGCALL_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence that a command prints about invalid input."""
    assert main(arguments) == ExitCode.USAGE
    shown = capsys.readouterr()
    (row,) = shown.err.splitlines()
    assert shown.out == ""
    assert row.startswith("longcall: ")
    return row


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to work on"),
        (("--prompt", " \n"), "the prompt is empty"),
        (("--prompt", "é" * 5_242_881), "10485762 bytes of UTF-8, and at most 10485760"),
        (("missing.txt",), "no file missing.txt was found"),
        (("",), "name of the file is empty"),
        (("--prompt", "a", "--job-id", "mine"), "must be a UUID"),
        (("--prompt", "a", "--process-time", "-3"), "from 0 to 7200 seconds, not -3"),
        (("--prompt", "a", "--process-time", "nan"), "from 0 to 7200 seconds, not nan"),
        (("--prompt", "a", "--process-time", "soon"), "expected a number, such as 0.5, and found 'soon'"),
        (("--prompt", "a", "--temperature", "2.5"), "from 0 to 2, not 2.5"),
        (("--prompt", "a", "--max-tokens", "0"), "from 1 to 2147483647, not 0"),
        (("--prompt", "a", "--top-p", "1.1"), "from 0 to 1, not 1.1"),
        (("--prompt", "a", "--max-cost", "-1"), "from 0 to 10000 dollars, not -1"),
        (("--prompt", "a", "--stop", ""), "a stop sequence is empty"),
        (("--prompt", "a", "--messages", "m.json"), "--messages is the whole text"),
        (("--messages", "missing.json"), "no file missing.json was found"),
        (("--prompt", "a", "--metadata", "{n: 1}"), "--metadata is not JSON"),
        (("--prompt", "a", "--metadata", "NaN"), "--metadata is not JSON"),
        (("--prompt", "a", "--metadata", "1e400"), "the metadata is not a JSON value; numbers must be finite"),
        (("--prompt", "a", "--metadata", json.dumps("x" * 5000)), "the metadata has 5002 bytes"),
        (("--prompt", "a", "--system", "x" * 16_385), "the system text has 16385 bytes"),
        (("--prompt", "a", "--model", " "), "the model is empty"),
        (("--prompt", "a", "--auth", "iam"), "'iam'"),
        (("--sideways",), "--sideways"),
    ],
)  # fmt: skip
def test_input_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert said in refusal(capsys, "run", *arguments)
    assert said in refusal(capsys, "start", *arguments)


def test_file_that_is_not_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Path("large.txt").write_bytes(b"x" * 10_500_000)
    Path("folder").mkdir()

    assert "picture.png is not UTF-8 text: invalid byte at offset 0. Convert" in refusal(capsys, "run", "picture.png")
    assert "large.txt has more than 10485760 bytes" in refusal(capsys, "run", "large.txt")
    assert "folder is a folder" in refusal(capsys, "run", "folder")


@pytest.mark.parametrize("command", ["get", "watch", "events", "cancel"])
def test_text_that_begins_no_id_is_refused(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert "found 'mine\\x1b[2J'; `longcall list` shows the ids" in refusal(capsys, command, "mine\x1b[2J")
    assert "must be a UUID" in refusal(capsys, command, f"{ID}0")


def test_unknown_command_and_missing_argument_are_refused_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such command 'fly'" in refusal(capsys, "fly")
    assert "see `longcall get --help`" in refusal(capsys, "get")


def test_error_is_json_with_the_json_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--prompt", "", "--json"]) == ExitCode.USAGE

    shown = capsys.readouterr()
    assert shown.out == ""
    assert json.loads(shown.err)["error"] == "InvalidInput"


def test_missing_stack_is_an_error_that_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == ExitCode.UNREACHABLE

    assert "start a stack here with `longcall serve`" in capsys.readouterr().err


def test_command_line_without_a_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == ExitCode.OK

    assert "Commands:" in capsys.readouterr().out


def test_prompt_comes_before_the_file_with_a_blank_line_between() -> None:
    Path("notes.txt").write_text("\ufeffnotes\n", "utf-8")

    assert compose_prompt("notes.txt", None) == "notes\n"
    assert compose_prompt("notes.txt", "Sum up:") == "Sum up:\n\nnotes\n"
    assert compose_prompt(None, "alone") == "alone"


def test_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("ä text".encode())))

    assert compose_prompt("-", None) == "ä text"


def test_argument_that_is_not_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not UTF-8 text" in refusal(capsys, "run", "--prompt", "\udcff")


def stack_of(*users: User) -> Stack:
    return Stack(True, "http://127.0.0.1:1/graphql", None, "us-east-1", "client", None, users)


def test_user_is_the_named_one_or_the_environments_or_the_first() -> None:
    stack = stack_of(ADA, GRACE)
    named = {"LONGCALL_USERNAME": "eve", "LONGCALL_PASSWORD": "apple"}

    assert pick_user(stack, None, {}) == ADA
    assert pick_user(stack, "grace", {}) == GRACE
    assert pick_user(stack, "grace@example.com", named) == GRACE
    assert pick_user(stack, None, named) == User("eve", "apple")
    assert pick_user(stack, None, {"LONGCALL_USERNAME": "grace"}) == GRACE
    with pytest.raises(ConfigurationError, match=r"ada@example\.com, grace@example\.com"):
        pick_user(stack, "bob", {})
    with pytest.raises(ConfigurationError, match="LONGCALL_USERNAME"):
        pick_user(stack_of(), None, {})


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"target": "local", "graphqlUrl": 7}', "\x00"])
def test_file_that_is_not_a_stack_file_is_refused(content: str) -> None:
    Path("stack.json").write_text(content, "utf-8")

    with pytest.raises(ConfigurationError, match="not a stack file of this version"):
        read_stack(Path("stack.json"))


def test_stack_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.json"):
        find_stack(Path("nowhere.json"), start=tmp_path)


def test_conversation_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "messages.json"
    turns = [{"role": "user", "text": "Hi", "images": [ID]}, {"role": "ASSISTANT", "text": "Yes?"}]
    file.write_text(json.dumps(turns))

    assert compose_text(None, None, str(file)) == [
        Message(Role.USER, "Hi", images=(ID,)),
        Message(Role.ASSISTANT, "Yes?"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '["Hi"]',
        '[{"role": "USER"}]',
        '[{"role": "system", "text": "Hi"}]',
        '[{"role": "USER", "text": "Hi", "images": [1]}]',
    ],
)
def test_invalid_conversation_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match="write them like"):
        parse_messages(text)


def test_messages_of_a_conversation_must_alternate() -> None:
    with pytest.raises(InvalidInput, match="must alternate"):
        new_request([Message(Role.USER, "Hi"), Message(Role.USER, "Ho")], {})


def test_message_with_an_image_needs_no_text() -> None:
    request = new_request([Message(Role.USER, "", images=("an id",))], {})

    assert request.render({})["messages"] == [{"role": "USER", "text": "", "images": ["an id"]}]
    with pytest.raises(InvalidInput, match="a message is empty"):
        new_request([Message(Role.USER, "")], {})


def test_images_are_read_from_files_in_a_conversation_and_with_a_prompt(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"\x89PNG")
    turns = json.dumps([{"role": "USER", "text": "What is this?", "images": [ID, str(photo)]}])
    (tmp_path / "messages.json").write_text(turns)

    conversation = compose_text(None, None, str(tmp_path / "messages.json"))
    beside = compose_text(None, "What is this?", None, [str(photo), str(photo)])
    alone = compose_text(None, None, None, [str(photo)])

    assert conversation == [Message(Role.USER, "What is this?", (ID, b"\x89PNG"))]
    assert beside == [Message(Role.USER, "What is this?", (b"\x89PNG", b"\x89PNG"))]
    assert alone == [Message(Role.USER, "", (b"\x89PNG",))]
    assert new_request(beside, {}).contents == (b"\x89PNG",)
    assert new_request(beside, {}).render({b"\x89PNG": ID})["messages"] == [
        {"role": "USER", "text": "What is this?", "images": [ID, ID]}
    ]


def test_error_names_the_image_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()

    with pytest.raises(
        InvalidInput, match=r"no file missing\.png was found; give the path of a PNG, JPEG, GIF or WebP"
    ):
        compose_text(None, "Hi", None, ["missing.png"])
    with pytest.raises(InvalidInput, match="is empty; give an image"):
        compose_text(None, "Hi", None, [str(tmp_path / "empty.png")])
    with pytest.raises(InvalidInput, match="leave out FILE, --prompt and --image"):
        compose_text(None, None, "messages.json", ["photo.png"])


def test_images_are_allowed_in_user_messages_only_and_at_most_twenty() -> None:
    answered = [Message(Role.USER, "Hi"), Message(Role.ASSISTANT, "This", ("an id",)), Message(Role.USER, "Thanks")]

    with pytest.raises(InvalidInput, match="images are allowed only in messages of the USER"):
        new_request(answered, {})
    with pytest.raises(InvalidInput, match="at most 20 images"):
        new_request([Message(Role.USER, "Hi", ("an id",) * 21)], {})

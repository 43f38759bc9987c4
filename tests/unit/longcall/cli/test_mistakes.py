"""What a mistake on the command line is answered with: the value, what is expected, and where the help is."""

import pytest

from longcall.cli import main
from longcall.cli.exits import ExitCode


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("rum", "no such command 'rum'; did you mean 'run'?; see `longcall --help`"),
        ("user crate", "no such command 'crate'; did you mean 'create'?; see `longcall user --help`"),
        ("user", "expected a command; see `longcall user --help`"),
        ("run --max-cost abc x", "--max-cost: expected a number, such as 0.5, and found 'abc'"),
        ("run --max-tokens 1.5 x", "--max-tokens: expected a whole number, and found '1.5'"),
        ("run --temperature warm x", "--temperature: expected a number, such as 0.5, and found 'warm'"),
        ("run --target foo x", "--target: expected one of local, aws, and found 'foo'"),
        ("list --status done", "--status: expected one of"),
        ("list --limit 0", "--limit: expected 1 or more, and found '0'"),
        ("events 1 --after x", "--after: expected a whole number, and found 'x'"),
        ("events 1 --after 2147483648", "--after: expected at most 2147483647, and found '2147483648'"),
        ("smoke --minutes nan", "--minutes: expected at most 14, and found 'nan'"),
        ("run --max-tokens 2147483648 --prompt x", "max tokens must be from 1 to 2147483647, not 2147483648"),
        ("run --max-cost nan --prompt x", "the maximum cost must be from 0 to 10000 dollars, not nan"),
        ("smoke --minutes 0", "--minutes: expected 0.01 or more, and found '0'"),
        ("smoke --minutes 99", "--minutes: expected at most 14, and found '99'"),
        ("smoke --minutes soon", "--minutes: expected a number, such as 0.5, and found 'soon'"),
        ("token --auth xyz", "--auth: expected one of lambda, cognito, and found 'xyz'"),
        ("update-status 1 DONE", "STATUS: expected one of"),
        ("get", "missing argument ID; see `longcall get --help`"),
        ("watch a b", "unexpected argument: b; see `longcall watch --help`"),
        ("update-status 1", "missing argument STATUS; expected one of processing, completed, failed; see"),
        ("run --max-tokens", "expected a value after --max-tokens; see `longcall run --help`"),
        ("list --json=1", "--json takes no value; see `longcall list --help`"),
        ("user create --stack", "expected a value after --stack; see `longcall user create --help`"),
        ("watch mine", "expected a job's id, such as 123e4567-e89b-42d3-a456-426614174000, or its first characters"),
        ("list --bogus", "no such option: --bogus (did you mean --user?); see `longcall list --help`"),
    ],
)
def test_a_mistake_is_named_in_plain_words(capsys: pytest.CaptureFixture[str], line: str, sentence: str) -> None:
    code = main(line.split())

    said = " ".join(capsys.readouterr().err.split())
    assert code == ExitCode.USAGE
    assert said.startswith(f"longcall: {sentence}")
    assert "Value error" not in said
    assert "Input should" not in said


@pytest.mark.parametrize("line", ["list --status completed", "list --target LOCAL", "update-status 1 failed"])
def test_choices_may_be_in_either_case(capsys: pytest.CaptureFixture[str], line: str) -> None:
    main([*line.split(), "--stack", "/nowhere/stack.json"])

    assert "expected one of" not in capsys.readouterr().err

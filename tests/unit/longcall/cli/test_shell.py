"""What a shell sees of the program: its version, completion, and how hints name it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from longcall.cli import main
from longcall.cli.program import program
from longcall.version import VERSION

ROOT = Path(__file__).parents[4]
PROGRAM = Path(sys.executable).with_name("longcall")


def in_bash(commands: str, home: Path) -> str:
    """What bash prints for these commands; a `longcall` of this environment is first on its PATH."""
    variables = {"HOME": str(home), "PATH": f"{PROGRAM.parent}:/usr/bin:/bin", "SHELL": "/bin/bash"}
    done = subprocess.run(
        ["/bin/bash", "--norc", "-c", commands], env=variables, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0

    assert capsys.readouterr().out == f"longcall {VERSION}\n"


def test_all_packages_have_one_version_and_one_licence() -> None:
    engine = tomllib.loads((ROOT / "appsync_local/pyproject.toml").read_text("utf-8"))["project"]
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    npm = (ROOT / "clients/typescript/package.json").read_text("utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    licence = (ROOT / "LICENSE").read_bytes()

    assert (engine["version"], engine["license"]) == (VERSION, "Apache-2.0")
    for extra in ("local", "deploy"):
        assert f"appsync-local=={VERSION}" in package["optional-dependencies"][extra]
    assert package["optional-dependencies"]["rds"] == [f"appsync-local[rds]=={VERSION}"]
    assert f'"version": "{VERSION}"' in npm
    assert '"license": "Apache-2.0"' in npm
    assert f"\n## {VERSION} - " in changes
    for folder in ("appsync_local", "clients/typescript"):
        assert (ROOT / folder / "LICENSE").read_bytes() == licence


def test_completion_of_bash_offers_commands_and_options(tmp_path: Path) -> None:
    completed = in_bash(
        """
        eval "$(longcall --show-completion)"
        COMP_WORDS=(longcall ca) COMP_CWORD=1; _longcall_completion longcall; echo "${COMPREPLY[@]}"
        COMP_WORDS=(longcall list --sta) COMP_CWORD=2; _longcall_completion longcall; echo "${COMPREPLY[@]}"
        """,
        tmp_path,
    )

    assert completed.splitlines() == ["cancel", "--status --stack"]


def test_completion_is_installed_for_the_next_shell(tmp_path: Path) -> None:
    # Two commands, so that bash stays: a last command takes the place of the shell that the program looks for.
    said = in_bash("longcall --install-completion && echo done", tmp_path)

    script = tmp_path / ".bash_completions" / "longcall.sh"
    assert "bash completion installed" in said
    assert "_longcall_completion" in script.read_text("utf-8")
    assert str(script) in (tmp_path / ".bashrc").read_text("utf-8")


def test_hints_use_the_name_where_path_leads_to_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(PROGRAM.parent))

    assert program() == "longcall"


def test_hints_use_the_path_where_the_name_leads_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(PROGRAM.parents[2])
    below = program()
    monkeypatch.chdir(tmp_path)

    assert below == str(PROGRAM.relative_to(PROGRAM.parents[2]))
    assert program() == str(PROGRAM)

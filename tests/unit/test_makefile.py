"""The variables of the Makefile are data: their text reaches the programs as it is, and is never executed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"
TEXT = MAKEFILE.read_text(encoding="utf-8")
VARIABLES = frozenset(TEXT.partition("\nARGUMENTS := ")[2].partition("\n")[0].split())
EXECUTED = "executed"  # the file that an attack creates
ATTACKS = (
    f'b";touch {EXECUTED};".txt',
    f"b';touch {EXECUTED};'.txt",
    f"$(shell touch {EXECUTED})",
    f"$(touch {EXECUTED})`touch {EXECUTED}`",
    f"1;touch {EXECUTED}",
    f"a[$(touch {EXECUTED})] && touch {EXECUTED} #",
    "two  words $HOME ${HOME} $$ \\ * ~",
)
# Each program prints its arguments, one a line, between marks.
STAND_IN = "#!/bin/sh\nfor it; do printf '<%s>\\n' \"$it\"; done\n"
PROGRAMS = ("longcall", "python", "pytest", "pip", "ruff", "mypy", "lint-imports")
PEERS = ("bench/.venv/ready", "bench/node/simulator/node_modules/.package-lock.json",
         "bench/node/yoga/node_modules/.package-lock.json")  # fmt: skip
CDK = "infrastructure/node_modules/.package-lock.json"
READY = (".venv/local.ready", ".venv/dev.ready", ".venv/deploy.ready", *PEERS, CDK)
# What each target passes on.
PASSED = {
    "run": {"PORT", "MODEL", "PROMPT", "FILE"},
    "serve": {"PORT"},
    "test": {"WORKERS"},
    "fuzz": {"SECONDS", "SEED", "SIZE"},
    "certify": {"JOBS", "EVENTS", "SEED"},
    "bench": {"ROUNDS"},
    "synth": {"STAGE"},
    "diff": {"STAGE"},
    "deploy": {"STAGE"},
    "destroy": {"STAGE"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which all programs are stand-ins, and everything that is installed counts as installed."""
    if shutil.which("make") is None:
        pytest.skip("make was not found")
    programs = [*(f".venv/bin/{name}" for name in PROGRAMS), "infrastructure/node_modules/.bin/cdk", "path/node"]
    for name in programs:
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\necho v22.0.0\n" if name == "path/node" else STAND_IN)
        program.chmod(0o755)
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> str:
    # `make test` runs these tests, so this make is one inside another: it must neither say so nor inherit anything.
    command = [
        "make",
        "--no-print-directory",
        "-f",
        str(MAKEFILE),
        *(f"--old-file={name}" for name in READY),
        *arguments,
    ]
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in VARIABLES | {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    path = f"{folder / 'path'}:{os.environ['PATH']}"
    ended = subprocess.run(
        command, cwd=folder, env={**inherited, **environment, "PATH": path}, capture_output=True, text=True, timeout=30
    )
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("target", PASSED)
def test_a_value_on_the_command_line_reaches_the_program_as_it_is(folder: Path, target: str, attack: str) -> None:
    values = {name: f"{name}{attack}" for name in VARIABLES}

    printed = make(folder, target, *(f"{name}={value}" for name, value in values.items()))

    assert not list(folder.rglob(EXECUTED))
    for name in PASSED[target]:
        assert re.search(f"^<(stage=)?{re.escape(values[name])}>$", printed, re.MULTILINE), (name, printed)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_value_in_the_environment_reaches_the_program_as_it_is(folder: Path, attack: str) -> None:
    printed = make(folder, "run", FILE=attack, MODEL=attack, PROMPT=attack)

    assert not list(folder.rglob(EXECUTED))
    assert printed.count(f"<{attack}>\n") == 3


@pytest.mark.parametrize("attack", ATTACKS[:-1])
def test_the_name_of_the_interpreter_is_no_command_line(folder: Path, attack: str) -> None:
    shutil.rmtree(folder / ".venv")
    command = ["make", "-f", str(MAKEFILE), "serve", f"PYTHON={attack}"]
    (folder / "requirements").mkdir()
    (folder / "requirements" / "local.txt").touch()
    (folder / "pyproject.toml").touch()

    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)

    assert ended.returncode != 0
    assert not list(folder.rglob(EXECUTED))


def test_the_usual_values_are_used_if_none_is_given(folder: Path) -> None:
    printed = make(folder, "run").split("\n")

    assert printed[:2] == ["<serve>", "<--port>"]
    assert [line for line in printed if line in ("<4000>", "<local.textrank>", "<examples/lost-messages.md>")]
    assert "<--prompt>" not in printed
    assert "<--once>" not in printed


def test_an_empty_prompt_is_passed_on_and_refused_by_the_command(folder: Path) -> None:
    assert "<--prompt>\n<>" in make(folder, "run", "PROMPT=")
    assert "<--prompt>" not in make(folder, "run", PROMPT="")


def test_a_file_whose_name_begins_with_a_dash_is_no_option(folder: Path) -> None:
    assert "<./--once>" in make(folder, "run", "FILE=--once")
    assert "<->" in make(folder, "run", "FILE=-")


def test_every_variable_that_a_caller_may_set_is_treated_as_data() -> None:
    documented = set(re.findall(r"\b([A-Z]+)=…", TEXT)) | set(re.findall(r"^([A-Z]+) \?=", TEXT, re.MULTILINE))
    recipes = [line for line in TEXT.splitlines() if line.startswith("\t") or " = " in line]
    conditions_removed = "\n".join(re.sub(r"\$\(if \$\(\w+\),", "$(if ", line) for line in recipes)

    assert documented <= VARIABLES
    assert set(re.findall(r"\$\((\w+)\)", conditions_removed)) & VARIABLES == set()

"""`longcall serve` as `make run` calls it, and its messages when it cannot start."""

import json
import math
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import WorkloadContext
from chalicelib.workloads.registry import load
from infrastructure.stages import STAGES
from local_stack.command import allow_many_sockets
from local_stack.next_steps import next_steps
from longcall.cli.exits import ExitCode
from tests.acceptance.stack import LocalStack
from tests.contract.conftest import ROOT

if TYPE_CHECKING:
    from local_stack.description import Stack

LONGCALL = str(Path(sys.executable).with_name("longcall"))
STACK = cast(
    "Stack",
    SimpleNamespace(
        graphql_url="http://a/graphql",
        realtime_url="ws://a",
        pool=SimpleNamespace(users=()),
        ledger="sqlite:jobs.db",
        has_console=True,
    ),
)


def serve(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    port = () if "--port" in arguments else ("--port", "0")
    command = [LONGCALL, "serve", "--data", str(data), *port, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def summary(text: str) -> str:
    """Return what the workload itself produces for a text."""
    work = load("local.textrank")(InferenceRequest(text, "local.textrank"), WorkloadContext(math.inf))
    while True:
        try:
            next(work)
        except StopIteration as end:
            return str(end.value.result)


def test_once_runs_one_job_and_prints_only_its_result_to_standard_output(tmp_path: Path) -> None:
    example = ROOT / "examples" / "lost-messages.md"

    ended = serve(tmp_path, "--once", "--", "run", str(example))

    assert ended.returncode == 0, ended.stderr
    assert [line for line in ("PENDING", "PROCESSING", "COMPLETED") if line in ended.stderr] == [
        "PENDING", "PROCESSING", "COMPLETED"
    ]  # fmt: skip
    assert ended.stdout == summary(example.read_text())


def test_a_job_that_fails_gives_its_exit_code(tmp_path: Path) -> None:
    ended = serve(tmp_path, "--once", "--", "run", "--prompt", "Hi", "--model", "simulated.error")

    assert ended.returncode == 1
    assert "WORKLOAD_FAILED" in ended.stderr


def test_a_stage_refuses_other_models_and_lists_those_it_allows(tmp_path: Path) -> None:
    ended = serve(tmp_path, "--stage", "prod", "--once", "--", "run", "--prompt", "Hi", "--model", "simulated.error")

    assert ended.returncode == ExitCode.USAGE
    assert "model simulated.error is not allowed on this stage" in ended.stderr
    assert all(model in ended.stderr for model in (*STAGES["prod"].workloads, *STAGES["prod"].bedrock))


def test_an_unknown_stage_is_refused_and_the_known_ones_are_listed(tmp_path: Path) -> None:
    ended = serve(tmp_path, "--stage", "staging")

    assert ended.returncode == ExitCode.USAGE
    assert "--stage: unknown stage 'staging'; use dev or prod" in ended.stderr


def test_unusable_input_ends_the_stack_too(tmp_path: Path) -> None:
    ended = serve(tmp_path, "--once", "--", "run", "no-such-file.txt")

    assert ended.returncode == 2
    assert "no file no-such-file.txt was found" in ended.stderr
    assert not (tmp_path / "stack.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "takes a loopback address"),  # noqa: S104  # it is refused
        (("--port", "70000"), "--port: expected a number from 0 to 65535, and found 70000"),
        (("--data", "/etc/hostname"), "/etc/hostname is a file"),
    ],
)
def test_an_unusable_option_is_named_in_one_sentence(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    ended = serve(tmp_path, "--once", *arguments)

    assert ended.returncode == ExitCode.USAGE
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_an_option_that_cannot_be_parsed_is_named_in_one_sentence(tmp_path: Path) -> None:
    ended = serve(tmp_path, "--port", "abc")
    unknown = serve(tmp_path, "--bogus")

    assert (ended.returncode, unknown.returncode) == (2, 2)
    assert ended.stderr.startswith("longcall: --port: expected a whole number, and found 'abc'; see `")
    assert ended.stderr.endswith("longcall serve --help`\n")
    assert unknown.stderr.startswith("longcall: no such option: --bogus; see `")


def test_help_looks_like_that_of_the_other_commands() -> None:
    asked = [
        subprocess.run([LONGCALL, it, "--help"], capture_output=True, text=True, check=True) for it in ("serve", "run")
    ]

    for usage, *rows in (each.stdout.splitlines() for each in asked):
        assert usage.startswith("Usage: longcall ")
        assert [row for row in rows if row and not row.startswith("  ")] == ["Arguments:", "Options:"]
        assert max(map(len, rows)) <= 80
        assert "  Examples:" in rows


def test_json_output_has_addresses_events_and_errors(tmp_path: Path, stack: LocalStack) -> None:
    ran = serve(tmp_path, "--json", "--once", "--", "run", "--json", "--prompt", "Hi", "--model", "simulated.echo")
    refused = serve(tmp_path, "--json", "--port", str(stack.port))

    description, *events = map(json.loads, ran.stdout.splitlines())
    assert description.keys() == stack.description.keys()
    assert events[-1]["status"] == "COMPLETED"
    assert json.loads(refused.stderr).items() >= {"error": "PortInUse", "exitCode": 3}.items()


def test_the_next_steps_name_the_stack_file_when_the_data_folder_is_not_the_default(tmp_path: Path) -> None:
    here, elsewhere = next_steps(STACK, Path(".longcall").resolve()), next_steps(STACK, tmp_path / "two words")

    assert "--stack" not in here
    assert "LONGCALL_DATA" not in here
    assert elsewhere.count(f" --stack '{tmp_path}/two words/stack.json'") == 3
    assert f"LONGCALL_DATA='{tmp_path}/two words' " in elsewhere


def test_the_next_steps_offer_the_debug_routes_only_where_chalice_finds_the_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_checkout = next_steps(STACK, tmp_path)

    monkeypatch.chdir(tmp_path)
    elsewhere = next_steps(STACK, tmp_path)

    assert "chalice local" in in_a_checkout
    assert "chalice" not in elsewhere


def test_a_used_port_and_a_used_folder_are_named(tmp_path: Path, stack: LocalStack) -> None:
    same_port = serve(tmp_path, "--port", str(stack.port))
    same_folder = serve(stack.data)

    assert (same_port.returncode, same_folder.returncode) == (3, 3)
    assert f"port {stack.port} on 127.0.0.1 is in use" in same_port.stderr
    assert "another stack is running on" in same_folder.stderr


def test_the_stack_raises_its_limit_of_open_files() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] // 2, before[1]))
    try:
        allow_many_sockets()
        after = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert after[0] > before[0] // 2

"""The commands with real services: what they print on which stream, and their exit codes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from longcall.cli.exits import ExitCode
from tests.unit.longcall.appsync import BOUND, AppSync, priced
from tests.unit.longcall.cli.stack import Stack

ROOT = Path(__file__).parents[4]
JOB = "123e4567-e89b-42d3-a456-426614174000"
NONE: Mapping[str, str] = {}
TEXT = "Ein \x1b[31mroter\x1b[0m Satz.\nもう一つ。"


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: bytes
    err: str

    @property
    def rows(self) -> list[Any]:
        """The JSON objects on standard output."""
        return [json.loads(row) for row in self.out.splitlines()]

    @property
    def sentence(self) -> str:
        """The only line on standard error."""
        (row,) = self.err.splitlines()
        return row


def environment(variables: Mapping[str, str] = NONE) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LONGCALL_")}
    return kept | {"PYTHONPATH": str(ROOT), "TERM": "xterm", **variables}


async def begin(*arguments: str, cwd: Path, variables: Mapping[str, str] = NONE) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "longcall", *arguments, cwd=cwd, env=environment(variables),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def finish(process: asyncio.subprocess.Process, given: bytes = b"") -> Finished:
    async with asyncio.timeout(BOUND):
        out, err = await process.communicate(given)
    assert process.returncode is not None
    return Finished(process.returncode, out, err.decode())


async def longcall(*arguments: str, cwd: Path, given: bytes = b"", variables: Mapping[str, str] = NONE) -> Finished:
    return await finish(await begin(*arguments, cwd=cwd, variables=variables), given)


async def completes(api: AppSync, job_id: str) -> None:
    await api.report(job_id, status="PROCESSING", attempt=1, startTime="2026-01-01T00:00:00.000Z")
    await api.report(job_id, delta=TEXT, progress=0.5, message="half\nway")
    usage = json.dumps({"outputTokens": 1200})
    end = "2026-01-01T00:00:02.500Z"
    await api.report(job_id, status="COMPLETED", progress=1.0, result=TEXT, usage=usage, endTime=end)


async def fails(api: AppSync, job_id: str) -> None:
    await api.report(job_id, status="FAILED", error="it \x1b[2Jbroke", errorType="WORKLOAD_FAILED")


async def test_run_in_a_pipe_prints_the_result_and_a_row_per_change_on_standard_error(stack: Stack) -> None:
    stack.api.worker = completes
    (stack.folder / "notes.txt").write_text("a long text", "utf-8")

    ended = await longcall("run", "notes.txt", "--prompt", "Sum up", cwd=stack.folder)

    assert ended.code == ExitCode.OK
    assert ended.out == TEXT.encode()
    (sent,) = stack.api.asked("startInference")
    assert sent["input"]["prompt"] == "Sum up\n\na long text"
    assert ended.err.splitlines() == [
        f"PENDING    job {sent['input']['jobId']} on local.textrank",
        "PROCESSING attempt 1",
        "PROCESSING  50% half way",
        "COMPLETED  in 2.5 s (outputTokens 1,200)",
    ]


async def test_run_as_json_prints_one_object_per_event(stack: Stack) -> None:
    stack.api.worker = completes

    ended = await longcall("run", "-", "--json", "--metadata", '{"n": [1]}', cwd=stack.folder, given=b"a text")

    assert ended.code == ExitCode.OK
    assert ended.err == ""
    assert [row["sequence"] for row in ended.rows] == [1, 2, 3, 4]
    assert [row["status"] for row in ended.rows] == ["PENDING", "PROCESSING", "PROCESSING", "COMPLETED"]
    assert ended.rows[2]["delta"] == TEXT
    assert ended.rows[3]["result"] == TEXT
    assert ended.rows[3]["usage"] == {"outputTokens": 1200}
    assert ended.rows[3]["metadata"] == {"n": [1]}


async def test_verbose_run_marks_what_was_read_from_the_log(stack: Stack) -> None:
    async def loses_two(api: AppSync, job_id: str) -> None:
        api.append(job_id, status="PROCESSING", attempt=1, delta="one ")
        api.append(job_id, delta="two")
        await api.report(job_id, status="COMPLETED", result="one two", endTime="2026-01-01T00:00:02.500Z")

    stack.api.worker = loses_two

    marked = await longcall("run", "--prompt", "a text", "--verbose", cwd=stack.folder)
    plain = await longcall("run", "--prompt", "a text", cwd=stack.folder)
    as_json = await longcall("run", "--prompt", "a text", "-v", "--json", cwd=stack.folder)

    assert marked.out == plain.out == b"one two"
    assert "↻ 2 events read from the log after 0." in marked.err
    assert "↻" not in plain.err
    (heal,) = [row["healed"] for row in as_json.rows if "healed" in row]
    assert (heal["first"], heal["events"]) == (2, 2)


async def test_failed_job_ends_with_its_error_escaped(stack: Stack) -> None:
    stack.api.worker = fails

    ended = await longcall("run", "--prompt", "a text", cwd=stack.folder)

    assert ended.code == ExitCode.JOB_FAILED
    assert ended.out == b""
    assert ended.err.splitlines()[-1] == "FAILED     after 1.0 s WORKLOAD_FAILED: it \\x1b[2Jbroke"


async def test_output_of_a_failed_job_is_printed(stack: Stack) -> None:
    async def breaks_off(api: AppSync, job_id: str) -> None:
        await api.report(job_id, status="PROCESSING", attempt=1, delta=TEXT)
        await fails(api, job_id)

    stack.api.worker = breaks_off

    ended = await longcall("run", "--prompt", "a text", cwd=stack.folder)

    assert (ended.code, ended.out) == (ExitCode.JOB_FAILED, TEXT.encode())


async def test_ctrl_c_detaches_and_says_how_to_watch_again(stack: Stack) -> None:
    process = await begin("run", "--prompt", "a text", "--job-id", JOB, cwd=stack.folder)
    assert process.stderr is not None
    pending = await process.stderr.readline()

    process.send_signal(signal.SIGINT)
    ended = await finish(process)

    assert pending.startswith(b"PENDING")
    assert ended.code == ExitCode.INTERRUPTED
    assert f"`longcall watch {JOB}`" in ended.sentence
    assert f"`longcall cancel {JOB}`" in ended.sentence
    assert stack.api.asked("cancelInference") == []
    assert stack.api.logs[JOB][-1]["status"] == "PENDING"


async def test_start_prints_only_the_id_and_watch_follows_it(stack: Stack) -> None:
    stack.api.worker = completes

    started = await longcall("start", "--prompt", "a text", cwd=stack.folder)
    watched = await longcall("watch", started.out.decode().strip(), cwd=stack.folder)

    assert started.code == watched.code == ExitCode.OK
    assert started.out.decode().strip() in stack.api.logs
    assert f"longcall watch {started.out.decode().strip()}" in started.sentence
    assert watched.out == TEXT.encode()


async def test_get_prints_the_text_on_standard_output_and_the_rest_on_standard_error(stack: Stack) -> None:
    stack.api.append(JOB)
    await completes(stack.api, JOB)

    ended = await longcall("get", JOB.upper(), cwd=stack.folder)
    as_json = await longcall("get", JOB, "--json", cwd=stack.folder)

    assert ended.code == ExitCode.OK
    assert ended.out == TEXT.encode()
    assert "COMPLETED" in ended.err
    (job,) = as_json.rows
    assert (job["jobId"], job["output"], job["result"]) == (JOB, TEXT, TEXT)


async def test_list_in_a_pipe_prints_a_row_per_job_with_tabs(stack: Stack) -> None:
    for number in range(3):
        stack.api.append(f"123e4567-e89b-42d3-a456-42661417400{number}")

    ended = await longcall("list", "--limit", "2", cwd=stack.folder)
    as_json = await longcall("list", "--status", "FAILED", "--json", cwd=stack.folder)

    assert [row.split("\t")[:2] for row in ended.out.decode().splitlines()] == [
        ["123e4567-e89b-42d3-a456-426614174002", "PENDING"],
        ["123e4567-e89b-42d3-a456-426614174001", "PENDING"],
    ]
    assert as_json.rows == []


async def test_events_prints_the_log_after_a_sequence(stack: Stack) -> None:
    stack.api.append(JOB)
    await completes(stack.api, JOB)

    ended = await longcall("events", JOB, "--after", "2", cwd=stack.folder)
    as_json = await longcall("events", JOB, "--json", cwd=stack.folder)

    assert [row.split()[0] for row in ended.out.decode().splitlines()] == ["3", "4"]
    assert "".join(row["delta"] or "" for row in as_json.rows) == TEXT


async def test_cost_shows_the_bill_of_a_job_that_has_ended(stack: Stack) -> None:
    stack.api.append(JOB)
    stack.api.append(JOB, status="COMPLETED", result="x", cost=priced(total=0.0045792))

    ended = await longcall("cost", JOB, cwd=stack.folder)
    as_json = await longcall("cost", JOB, "--json", cwd=stack.folder)

    rows = [row.split() for row in ended.out.decode().splitlines()]
    assert ["output", "tokens", "1,431", "token", "0.0000032", "0.00457920"] in rows
    assert rows[-1] == ["total", "0.00457920"]
    assert "as it is" in ended.err
    assert "2026-11-25" in ended.err
    assert as_json.rows == [priced(total=0.0045792)]


async def test_cost_of_an_unfinished_job_says_when_there_will_be_a_bill(stack: Stack) -> None:
    stack.api.append(JOB)

    ended = await longcall("cost", JOB, cwd=stack.folder)

    assert ended.code == ExitCode.USAGE
    assert f"a job gets its bill when it ends; wait for it with: longcall watch {JOB}" in ended.sentence


async def test_quote_sends_the_size_of_the_text_and_not_the_text(stack: Stack) -> None:
    ended = await longcall(
        "quote", "-", "--system", "Kürze", "--max-tokens", "9", "--json", cwd=stack.folder, given=b"x" * 300_000
    )  # fmt: skip

    assert ended.rows == [priced(total=300.006)]
    assert stack.api.asked("quoteInference") == [
        {"input": {"model": "local.textrank", "textBytes": 300_006, "maxTokens": 9}}
    ]


async def test_cancel_says_how_the_job_ended(stack: Stack) -> None:
    other = "123e4567-e89b-42d3-a456-426614174001"
    stack.api.append(JOB)
    stack.api.append(other)
    await completes(stack.api, other)

    running = await longcall("cancel", JOB, cwd=stack.folder)
    ended = await longcall("cancel", other, cwd=stack.folder)

    assert running.out.decode() == f"job {JOB} is cancelled\n"
    assert ended.out.decode() == f"job {other} had ended before, as COMPLETED\n"
    assert (running.code, ended.code) == (ExitCode.OK, ExitCode.OK)


async def test_delete_deletes_only_a_job_that_has_ended(stack: Stack) -> None:
    stack.api.append(JOB, status="PROCESSING", attempt=1)

    running = await longcall("delete", JOB, cwd=stack.folder)
    stack.api.append(JOB, status="COMPLETED", result="done")
    ended = await longcall("delete", JOB, cwd=stack.folder)
    gone = await longcall("delete", JOB, cwd=stack.folder)

    assert (running.code, ended.code, gone.code) == (ExitCode.REFUSED, ExitCode.OK, ExitCode.NOT_FOUND)
    assert "cancel it first" in running.err
    assert ended.out.decode() == f"job {JOB} is deleted\n"


async def test_watch_of_a_cancelled_job_has_the_exit_code_of_a_failed_one(stack: Stack) -> None:
    stack.api.append(JOB)
    stack.api.append(JOB, status="CANCELLED")

    assert (await longcall("watch", JOB, cwd=stack.folder)).code == ExitCode.JOB_FAILED


async def test_token_belongs_to_the_chosen_user_and_mode(stack: Stack) -> None:
    folder = stack.folder / "deeper"
    folder.mkdir()

    first = await longcall("token", cwd=folder)
    header = await longcall("token", "--header", "--user", "grace", cwd=folder)
    cognito = await longcall("token", "--header", "--auth", "cognito", "--json", cwd=folder)

    assert first.out.decode() == "token-of-ada@example.com\n"
    assert header.out.decode() == "Lambda-Auth-token-of-grace@example.com\n"
    assert cognito.rows == [{"authorization": "token-of-ada@example.com"}]


async def test_environment_names_the_user_and_the_stack(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    named = {"LONGCALL_STACK": str(stack.file), "LONGCALL_USERNAME": "grace@example.com"}

    known = await longcall("token", cwd=elsewhere, variables=named)
    wrong = await longcall("token", cwd=elsewhere, variables=named | {"LONGCALL_PASSWORD": "cobol"})

    assert known.out.decode() == "token-of-grace@example.com\n"
    assert wrong.code == ExitCode.REFUSED
    assert "grace@example.com" in wrong.sentence
    assert "cobol" not in wrong.sentence


@pytest.mark.parametrize("arguments", [("get", JOB), ("watch", JOB), ("cancel", JOB), ("events", JOB), ("delete", JOB)])
async def test_unknown_job_is_not_found(stack: Stack, arguments: tuple[str, ...]) -> None:
    ended = await longcall(*arguments, cwd=stack.folder)

    assert ended.code == ExitCode.NOT_FOUND
    assert f"no job {JOB}" in ended.sentence


async def test_input_refused_by_the_api_is_shown_with_the_apis_message(stack: Stack) -> None:
    ended = await longcall("run", "--prompt", "a text", "--model", "unknown", "--json", cwd=stack.folder)

    assert ended.code == ExitCode.USAGE
    assert json.loads(ended.sentence) == {
        "error": "InvalidRequest",
        "message": "no model is named unknown; use local.textrank",
        "exitCode": ExitCode.USAGE,
    }
    assert stack.api.logs == {}


async def test_job_id_in_use_for_other_input_is_refused(stack: Stack) -> None:
    stack.api.inputs[JOB] = {"jobId": JOB, "prompt": "another text"}

    ended = await longcall("start", "--prompt", "a text", "--job-id", JOB, cwd=stack.folder)

    assert ended.code == ExitCode.REFUSED
    assert "in use" in ended.sentence


async def test_stopped_stack_is_an_error_that_says_how_to_start_it(stack: Stack, unused_tcp_port: int) -> None:
    nowhere = f"127.0.0.1:{unused_tcp_port}/graphql"
    stack.write(graphqlUrl=f"http://{nowhere}", realtimeUrl=f"ws://{nowhere}")

    for arguments in [("run", "--prompt", "a text"), ("list",)]:
        ended = await longcall(*arguments, cwd=stack.folder)

        assert ended.code == ExitCode.UNREACHABLE
        assert "start it with `longcall serve`" in ended.sentence


async def test_closed_output_pipe_ends_the_command_quietly(stack: Stack) -> None:
    stack.api.append(JOB)
    for _ in range(3):
        stack.api.append(JOB, delta="x" * 100_000)
    process = await begin("events", JOB, "--json", cwd=stack.folder)
    assert process.stdout is not None
    await process.stdout.read(1)

    process.stdout._transport.close()  # type: ignore[attr-defined]  # closes the pipe as `head` does
    assert process.stderr is not None
    async with asyncio.timeout(BOUND):
        said, code = await process.stderr.read(), await process.wait()

    assert (said, code) == (b"", ExitCode.OUTPUT_CLOSED)


async def test_serve_passes_its_arguments_to_the_local_stack_unchanged(tmp_path: Path) -> None:
    package = tmp_path / "local_stack"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys; print(sys.argv[1:])", "utf-8")
    (tmp_path / "longcall").symlink_to(ROOT / "longcall")  # the stack is beside the package, as in a checkout
    arguments = ["--port", "4001", "--chaos", "drop=0.3", "--once", "--", "run", "--help", "-x"]

    ended = await longcall("serve", *arguments, cwd=tmp_path, variables={"PYTHONPATH": str(tmp_path)})

    assert ended.out.decode().strip() == repr(arguments)


def test_help_loads_no_client_no_event_loop_and_no_rich() -> None:
    code = (
        "import sys; from longcall.cli import main; main(['run', '--help']); "
        "print(*{'aiohttp', 'asyncio', 'gql', 'graphql', 'websockets', 'rich'} & set(sys.modules))"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment()
    )

    assert "Examples:" in shown.stdout
    assert shown.stdout.splitlines()[-1] == ""

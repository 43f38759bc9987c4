"""`longcall logs`: the lines about one job, from a local stack's files and from CloudWatch Logs."""

import json
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from longcall.cli.exits import ExitCode
from longcall.cli.logs import LocalLogs
from longcall.models import JobId
from tests.unit.longcall.cli.stack import Stack
from tests.unit.longcall.cli.test_commands import begin, finish, longcall
from tests.unit.longcall.cli.test_targets import OUTPUTS

JOB = JobId("123e4567-e89b-42d3-a456-426614174000")
OTHER = JobId("123e4567-e89b-42d3-a456-426614174001")
TRACE = "Traceback (most recent call last):\n  File \"workload.py\", line 7\nKeyError: 'surprise'\x1b[2J\n"


def line(second: int, message: str, *, job_id: str = JOB, **more: Any) -> dict[str, Any]:
    return {"time": f"2026-01-01T12:00:{second:02}.250Z", "level": "INFO", "message": message, "job_id": job_id} | more


def write(folder: Path, name: str, *lines: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a") as file:
        file.writelines(f"{json.dumps(each)}\n" if not isinstance(each, str) else each for each in lines)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The log files of a stack that has run two jobs."""
    folder = tmp_path / ".longcall" / "logs"
    write(folder, "inference.jsonl", line(1, "job claimed", attempt=1), line(2, "other", job_id=OTHER))
    write(folder, "inference.jsonl", line(4, "workload failed", level="ERROR", trace=TRACE), "not JSON\n", "[]\n")
    write(folder, "relay.jsonl", line(3, "two\nrows"), {"level": "INFO", "message": "about no job"})
    return folder


async def test_lines_of_all_files_are_shown_by_time_with_their_traces(stack: Stack, folder: Path) -> None:
    ended = await longcall("logs", JOB, cwd=stack.folder)

    assert ended.code == ExitCode.OK
    assert ended.out.decode().splitlines() == [
        "2026-01-01 12:00:01.250  INFO     job claimed attempt=1",
        "2026-01-01 12:00:03.250  INFO     two rows",
        "2026-01-01 12:00:04.250  ERROR    workload failed",
        "    Traceback (most recent call last):",
        '      File "workload.py", line 7',
        "    KeyError: 'surprise'\\x1b[2J",
    ]


async def test_lines_as_json_are_those_that_were_logged(stack: Stack, folder: Path) -> None:
    ended = await longcall("logs", JOB, "--json", cwd=stack.folder)

    assert [row["message"] for row in ended.rows] == ["job claimed", "two\nrows", "workload failed"]
    assert ended.rows[2]["trace"] == TRACE


async def test_job_without_lines_is_not_found(stack: Stack, tmp_path: Path) -> None:
    ended = await longcall("logs", JOB, cwd=stack.folder)

    assert ended.code == ExitCode.NOT_FOUND
    assert f"no line about job {JOB} was found in {tmp_path / '.longcall' / 'logs'}" in ended.sentence


async def test_follow_shows_lines_as_they_are_written_until_it_is_interrupted(stack: Stack, folder: Path) -> None:
    process = await begin("logs", JOB, "--follow", "--json", cwd=stack.folder)
    assert process.stdout is not None
    first = [json.loads(await process.stdout.readline())["message"] for _ in range(3)]

    write(folder, "inference.jsonl", line(5, "job ended"))
    last = json.loads(await process.stdout.readline())["message"]
    process.send_signal(signal.SIGINT)
    ended = await finish(process)

    assert first == ["job claimed", "two\nrows", "workload failed"]
    assert last == "job ended"
    assert (ended.code, ended.out) == (ExitCode.INTERRUPTED, b"")


def test_line_that_is_still_being_written_is_read_once_it_is_complete(tmp_path: Path) -> None:
    source = LocalLogs(tmp_path, JOB)
    text = json.dumps(line(1, "slow"))
    write(tmp_path, "a.jsonl", text[:20])
    assert source.new_lines() == []

    write(tmp_path, "a.jsonl", text[20:] + "\n")

    assert [each.message for each in source.new_lines()] == ["slow"]
    assert source.new_lines() == []


def test_file_that_was_replaced_is_read_from_its_beginning(tmp_path: Path) -> None:
    source = LocalLogs(tmp_path, JOB)
    write(tmp_path, "a.jsonl", line(1, "one"), line(2, "two"))
    source.new_lines()

    (tmp_path / "a.jsonl").unlink()
    write(tmp_path, "a.jsonl", line(3, "three"))

    assert [each.message for each in source.new_lines()] == ["three"]


@pytest.fixture
def groups() -> str:
    """The log groups of one test; all servers of one process share their contents."""
    return f"/{uuid.uuid4()}/inference,/{uuid.uuid4()}/status_relay"


@pytest.fixture
def cloudwatch(groups: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """CloudWatch Logs over HTTP, with the lines of two functions; gives the environment of a shell that finds it."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("logs", region_name="eu-west-1")
    now = 1_000 * int(time.time())
    for group in groups.split(","):
        client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName="1")
        lines: list[dict[str, Any]] = [
            {
                "timestamp": "2026-01-01T12:00:01Z",
                "level": "INFO",
                "message": f"in {group.split('/')[-1]}",
                "job_id": JOB,
            },
            {"timestamp": "2026-01-01T12:00:02Z", "level": "INFO", "message": "other", "job_id": OTHER},
        ]
        if "inference" in group:
            lines.append({"timestamp": "2026-01-01T12:00:03Z", "level": "ERROR", "message": "workload failed",
                          "job_id": JOB, "stackTrace": ["  File x", "KeyError"], "requestId": "r"})  # fmt: skip
        events = [{"timestamp": now, "message": json.dumps(each)} for each in lines]
        client.put_log_events(logGroupName=group, logStreamName="1", logEvents=events)
    yield variables
    server.stop()


async def test_lines_of_a_deployed_job_come_from_the_log_groups_of_its_stack(
    tmp_path: Path, groups: str, cloudwatch: dict[str, str]
) -> None:
    (tmp_path / "cdk-outputs.json").write_text(json.dumps({"longcall-dev": OUTPUTS | {"LogGroups": groups}}))

    ended = await longcall("logs", JOB, "--target", "aws", cwd=tmp_path, variables=cloudwatch)

    assert ended.code == ExitCode.OK, ended.err
    assert ended.out.decode().splitlines() == [
        "2026-01-01 12:00:01.000  INFO     in inference",
        "2026-01-01 12:00:01.000  INFO     in status_relay",
        "2026-01-01 12:00:03.000  ERROR    workload failed",
        "      File x",
        "    KeyError",
    ]


@pytest.mark.parametrize(
    ("outputs", "sentence"),
    [
        (OUTPUTS, "the stack's outputs have no LogGroups; deploy it with this version"),
        (OUTPUTS | {"LogGroups": "/aws/lambda/none"}, "a log group was not found"),
    ],
)
async def test_logs_that_are_not_there_are_an_error_that_says_what_to_do(
    tmp_path: Path, cloudwatch: dict[str, str], outputs: dict[str, str], sentence: str
) -> None:
    (tmp_path / "cdk-outputs.json").write_text(json.dumps({"longcall-dev": outputs}))

    ended = await longcall("logs", JOB, "--target", "aws", cwd=tmp_path, variables=cloudwatch)

    assert ended.code == ExitCode.USAGE
    assert sentence in ended.sentence


async def test_missing_boto3_is_an_error_that_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "cdk-outputs.json").write_text(json.dumps({"longcall-dev": OUTPUTS | {"LogGroups": "/x"}}))
    (tmp_path / "boto3.py").write_text("raise ModuleNotFoundError('boto3')")
    variables = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[4]}"}

    ended = await longcall("logs", JOB, "--target", "aws", cwd=tmp_path, variables=variables)

    assert ended.code == ExitCode.USAGE
    assert ended.sentence == "longcall: reading CloudWatch Logs needs boto3; run `pip install boto3`"

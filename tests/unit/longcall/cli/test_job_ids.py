"""The job that a command means: the first characters of an id, or no id at all."""

import pytest

from longcall.cli.exits import ExitCode
from tests.unit.longcall.cli.stack import Stack
from tests.unit.longcall.cli.test_commands import TEXT, completes, longcall

FIRST = "123e4567-e89b-42d3-a456-426614174000"
SECOND = "123e4567-0000-42d3-a456-426614174000"
THIRD = "9b2d0a31-e89b-42d3-a456-426614174000"


@pytest.fixture
def jobs(stack: Stack) -> Stack:
    for job_id in (FIRST, SECOND, THIRD):
        stack.api.append(job_id)
    return stack


async def test_first_characters_name_a_job_in_each_command_that_takes_an_id(jobs: Stack) -> None:
    await completes(jobs.api, THIRD)
    logs = jobs.folder / ".longcall" / "logs"
    logs.mkdir()
    (logs / "worker.jsonl").write_text(f'{{"job_id": "{THIRD}", "level": "INFO", "message": "claimed"}}\n', "utf-8")

    for command in ("get", "watch", "events", "logs", "cancel", "delete"):
        ended = await longcall(command, "9B2d", cwd=jobs.folder)

        assert ended.code == ExitCode.OK, (command, ended.err)
    assert THIRD not in jobs.api.logs


async def test_first_characters_of_several_jobs_are_refused_with_what_tells_them_apart(jobs: Stack) -> None:
    ended = await longcall("cancel", "123e4567-", cwd=jobs.folder)

    assert ended.code == ExitCode.USAGE
    assert ended.sentence == (
        "longcall: 2 jobs begin with 123e4567-: 123e4567-0 (PENDING), 123e4567-e (PENDING); give more characters"
    )
    assert jobs.api.asked("cancelInference") == []


async def test_first_characters_of_no_job_are_not_found(jobs: Stack) -> None:
    ended = await longcall("get", "77", cwd=jobs.folder)
    logs = await longcall("logs", "77", cwd=jobs.folder)

    assert (ended.code, logs.code) == (ExitCode.NOT_FOUND, ExitCode.NOT_FOUND)
    assert ended.sentence == "longcall: no job of ada@example.com begins with 77; `longcall list` shows the ids"
    assert logs.sentence == (
        "longcall: no job of ada@example.com or grace@example.com begins with 77; `longcall list` shows the ids"
    )


async def test_jobs_of_all_pages_are_looked_at(stack: Stack) -> None:
    stack.api.append(THIRD)
    for number in range(150):
        stack.api.append(f"{number:08x}-e89b-42d3-a456-426614174000")

    ended = await longcall("get", "9b2d", "--json", cwd=stack.folder)

    assert [row["jobId"] for row in ended.rows] == [THIRD]


async def test_watch_without_an_id_follows_the_newest_job(jobs: Stack) -> None:
    await completes(jobs.api, THIRD)

    ended = await longcall("watch", cwd=jobs.folder)

    assert (ended.code, ended.out) == (ExitCode.OK, TEXT.encode())
    assert jobs.api.started == [THIRD]


async def test_watch_without_any_job_says_how_to_start_one(stack: Stack) -> None:
    ended = await longcall("watch", cwd=stack.folder)

    assert ended.code == ExitCode.NOT_FOUND
    assert ended.sentence == "longcall: ada@example.com has no jobs yet; start one with `longcall run FILE`"

"""Work by hand after a deployment: change a job's status, create a user, run a smoke test."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from chalicelib.publisher.authorization import Signature
from longcall import ConfigurationError, InvalidInput, NotAuthorized, Status
from longcall.cli import operating, smoke, wire
from longcall.cli.smoke import Transition, fault
from longcall.cli.stack import Stack
from longcall.models import JobId
from longcall.view import JobView
from tests.acceptance.stack import LocalStack, running_stack
from tests.contract.conftest import ROOT
from tests.unit.chalicelib.publisher.api import JOB_ID, Api

ME = Credentials("AKIDEXAMPLE", "secret")
JOB = JobId(str(JOB_ID))


@pytest.fixture
def api() -> Iterator[Api]:
    """An API that accepts only requests signed with these credentials, for eu-west-1."""
    with Api(signature=Signature(ME, "eu-west-1")) as api:
        yield api


@pytest.fixture
def deployed(api: Api, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack that the command line takes for a deployed one."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return Stack(False, api.url, None, "eu-west-1", "client", None, (), pool_id="pool")


async def test_update_is_signed_with_the_shells_credentials(api: Api, deployed: Stack) -> None:
    event = await operating.report(deployed, JOB, Status.FAILED, result=None, error="by hand")

    assert (event.status, event.error, event.error_type) == (Status.FAILED, "by hand", "OPERATOR")
    assert api.log[-1].status == "FAILED"


async def test_error_says_which_permission_the_credentials_lack(
    deployed: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")

    with pytest.raises(NotAuthorized, match=r"appsync:GraphQL on Mutation\.updateStatus"):
        await operating.report(deployed, JOB, Status.FAILED, result=None, error="by hand")


async def test_result_that_is_not_json_is_refused_before_anything_is_sent(api: Api, deployed: Stack) -> None:
    with pytest.raises(InvalidInput, match="--result is not JSON"):
        await operating.report(deployed, JOB, Status.COMPLETED, result="{", error=None)

    assert api.headers == []


async def test_missing_credentials_are_an_error_with_advice(deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")

    with pytest.raises(ConfigurationError, match="aws configure"):
        await operating.report(deployed, JOB, Status.FAILED, result=None, error=None)


async def test_stack_file_without_an_operator_is_of_an_older_version(deployed: Stack) -> None:
    with pytest.raises(ConfigurationError, match="start the stack again"):
        await operating.report(replace(deployed, is_local=True), JOB, Status.FAILED, result=None, error=None)


GOOD = (Transition(Status.PENDING, 0.1), Transition(Status.PROCESSING, 0.2), Transition(Status.COMPLETED, 2.0))


def view(**changes: Any) -> JobView:
    from datetime import UTC, datetime

    start = datetime(2026, 1, 1, tzinfo=UTC)
    fields: dict[str, Any] = {
        "status": Status.COMPLETED, "output": "all", "result": "all", "created_at": start, "start_time": start,
        "updated_at": start,
        "end_time": start.replace(second=2),
    }  # fmt: skip
    return JobView(JOB, **(fields | changes))


def test_job_that_passes_all_checks_has_no_fault() -> None:
    assert fault(GOOD, [1, 2, 3], view(), least=2.0) is None


@pytest.mark.parametrize(
    ("seen", "sequences", "last", "words"),
    [
        ((), [], None, "no event arrived"),
        (
            GOOD[1:],
            [1, 2],
            view(),
            "expected the statuses PENDING, PROCESSING, COMPLETED, and found PROCESSING, COMPLETED",
        ),
        (
            (*GOOD[:2], Transition(Status.FAILED, 1.0)),
            [1, 2, 3],
            view(error="boom", status=Status.FAILED),
            r"PROCESSING, FAILED \(boom\)",
        ),
        (GOOD, [1, 3, 2], view(), "expected the events 1 to 3 in order, and found 1, 3, 2"),
        (GOOD, [1, 2, 3], view(output="some"), "differs"),
        (GOOD, [1, 2, 3], view(end_time=view().start_time), "was to take 2.0 s, and took 0.0 s"),
    ],
)
def test_smoke_test_names_each_fault(
    seen: tuple[Transition, ...], sequences: list[int], last: JobView | None, words: str
) -> None:
    import re

    found = fault(seen, sequences, last, least=2.0)

    assert found is not None
    assert re.search(words, found)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('> TEXT \'{"id":"7","type":"start","payload":{"data":"{\\"query\\":\\"subscription OnJob {\'...\' [812 bytes]',
         "> TEXT start subscription OnJob 812 bytes"),
        ('< TEXT \'{"type":"data","payload":{"data":{"x":{"status":"PROCESSING","sequence":3}}}}\' [93 bytes]',
         "< TEXT data PROCESSING 3 93 bytes"),
        ('>>> {"query": "mutation Start($input: I!) {…}", "variables": {"input": {"prompt": "secret"}}}',
         ">>> mutation Start"),
        ('<<< {"data":{"a":{"status":"PENDING","sequence":1,"delta":"secret"}}}', "<<< PENDING 1"),
    ],
)  # fmt: skip
def test_wire_log_shows_kinds_sizes_and_statuses(message: str, shown: str) -> None:
    assert wire.facts_of(message) == shown


@pytest.mark.parametrize(
    "message",
    [
        "> GET /graphql?header=eyJhbGciOi&payload=e30= HTTP/1.1",
        "> Authorization: Lambda-Auth-eyJhbGciOi",
        "Connecting transport",
        '<<< {"data": {"delta": "query secret, \\"type\\": \\"secret\\", \\"status\\": \\"SECRET\\""}}',
    ],
)
def test_wire_log_shows_nothing_else(message: str) -> None:
    assert wire.facts_of(message) == ""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A local stack in a project with a test user in `.env`."""
    folder = tmp_path_factory.mktemp("project")
    (folder / ".env").write_text('TEST_USER_EMAIL=test@example.com\nTEST_USER_PASSWORD="Secret-1x"\n')
    with running_stack(folder / ".longcall") as stack:
        yield stack


def longcall(stack: LocalStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LONGCALL_", "TEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "longcall", *arguments], cwd=stack.data.parent, capture_output=True, text=True,
        check=False, env=environment | {"PYTHONPATH": str(ROOT)}, timeout=60,
    )  # fmt: skip


def test_user_is_created_and_replaced_and_can_sign_in(stack: LocalStack) -> None:
    for _ in range(2):
        made = longcall(stack, "user", "create")
        assert (made.returncode, made.stdout) == (0, "user test@example.com can sign in\n")

    assert longcall(stack, "token", "--user", "test").stdout.startswith("ey")


def test_creating_a_user_without_a_name_says_where_to_set_it(stack: LocalStack, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "longcall", "user", "create", "--stack", str(stack.data / "stack.json")], cwd=tmp_path,
        capture_output=True, text=True, check=False,
        env={name: it for name, it in os.environ.items() if not name.startswith("TEST_")} | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert done.returncode == 2
    assert ".env must set TEST_USER_EMAIL and TEST_USER_PASSWORD" in done.stderr


def test_smoke_test_times_each_status_and_logs_the_wire_without_secrets(stack: LocalStack) -> None:
    done = longcall(stack, "smoke", "--minutes", "0.01", "-v", "--json")

    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [row["status"] for row in rows] == [status.value for status in smoke.EXPECTED]
    assert rows == sorted(rows, key=lambda row: float(row["seconds"]))
    assert "> TEXT start subscription OnInferenceStatusChange" in done.stderr
    assert "Lambda-Auth-" not in done.stderr
    assert "ey" not in done.stderr


def test_operator_ends_a_local_job_and_sees_which_change_is_refused(stack: LocalStack) -> None:
    started = longcall(stack, "start", "--model", "simulated.slow-start", "--process-time", "60", "--prompt", "x")
    job = started.stdout.strip()

    ended = longcall(stack, "update-status", job, "FAILED", "--error", "by hand", "--json")
    again = longcall(stack, "update-status", job, "PROCESSING")
    unknown = longcall(stack, "update-status", "123e4567-e89b-42d3-a456-426614174000", "FAILED")

    assert (json.loads(ended.stdout)["status"], json.loads(ended.stdout)["error"]) == ("FAILED", "by hand")
    assert (again.returncode, unknown.returncode) == (4, 5)
    assert "a job that is FAILED cannot become PROCESSING" in again.stderr


def test_update_status_offers_only_the_statuses_that_it_takes(stack: LocalStack) -> None:
    for status in ("CANCELLED", "PENDING", "DONE"):
        refused = longcall(stack, "update-status", "123e4567-e89b-42d3-a456-426614174000", status)

        assert refused.returncode == 2
        assert "expected one of processing, completed, failed" in " ".join(refused.stderr.split())

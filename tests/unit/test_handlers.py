"""The handlers as Chalice runs them, each in a module loaded anew with an environment of its own."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from chalice.local import LambdaContext
from chalice.test import Client
from msgspec.structs import replace

from chalicelib import composition
from chalicelib.jobs.model import Redispatch
from chalicelib.ledger import open_ledger
from tests.contract.conftest import ROOT
from tests.support.issuer import CLIENT_ID, ISSUER, access_claims, running_issuer
from tests.unit.chalicelib.publisher.api import JOB_ID, Api

CALLER = {"resolverContext": {"sub": "ada"}}
DISPATCH = {"jobId": JOB_ID, "request": {"prompt": "Hi", "model": "simulated.story", "processTime": 0.1}}


def load_app() -> ModuleType:
    spec = importlib.util.spec_from_file_location("app", ROOT / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Client]:
    monkeypatch.delenv("LONGCALL_STAGE", raising=False)
    monkeypatch.setenv("LONGCALL_LEDGER", f"sqlite:{tmp_path / 'jobs.db'}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    composition.reset()
    with Client(load_app().app, project_dir=str(ROOT)) as client:
        yield client
    composition.reset()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with Api() as api:
        monkeypatch.setenv("LONGCALL_API_URL", api.url)
        yield api


def invoke(function: str, event: dict[str, Any]) -> Any:
    """Invoke a handler. Chalice's test client gives 3 seconds to an invocation, and a slow machine needs more."""
    return getattr(load_app(), function)(event, LambdaContext(function, memory_size=128, max_runtime_ms=60_000))


def relay_event(field: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"field": field, "arguments": arguments, "identity": CALLER, "selection": []}


def failure_record(**changes: Any) -> dict[str, Any]:
    """As Lambda sends it. Source: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations"."""
    record = {
        "version": "1.0",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "requestContext": {
            "requestId": "event",
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:inference:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": DISPATCH,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with error"},
    }
    return {name: value for name, value in (record | changes).items() if value is not None}


def test_status_relay_opens_a_job_and_answers_for_it(client: Client) -> None:
    values = {"prompt": "Hi", "model": "local.textrank"}

    started = client.lambda_.invoke("status_relay", relay_event("startInference", {"input": values})).payload["data"]
    listed = client.lambda_.invoke("status_relay", relay_event("listInferences", {})).payload["data"]

    assert [item["jobId"] for item in listed["items"]] == [started["job"]["jobId"]]
    assert json.loads(json.dumps(started)) == started


def test_status_relay_refuses_a_model_that_its_stage_does_not_allow(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGCALL_MODELS", "local.*,simulated.story")
    values = {"prompt": "Hi", "model": "simulated.crash"}

    answer = client.lambda_.invoke("status_relay", relay_event("startInference", {"input": values})).payload

    assert answer["error"]["type"] == "InvalidRequest"
    assert answer["error"]["message"].endswith("not allowed on this stage; use local.* or simulated.story")


def test_status_relay_without_its_settings_names_them(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LONGCALL_LEDGER")

    with pytest.raises(Exception, match="LONGCALL_LEDGER is not set"):
        client.lambda_.invoke("status_relay", relay_event("listInferences", {}))


def test_authorizer_allows_a_token_of_the_pool_and_denies_another(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    claims = access_claims(iat=int(now.timestamp()), exp=int((now + timedelta(hours=1)).timestamp()))
    with running_issuer() as issuer:
        monkeypatch.setenv("LONGCALL_ISSUER", ISSUER)
        monkeypatch.setenv("LONGCALL_DENIED_FIELDS", "Mutation.updateStatus")
        monkeypatch.setenv("LONGCALL_JWKS_URL", issuer.jwks_url)
        monkeypatch.setenv("LONGCALL_CLIENT_ID", CLIENT_ID)
        good, bad = issuer.sign(claims), issuer.sign(claims | {"iss": "https://elsewhere"})

        answers = [
            client.lambda_.invoke("authorizer", {"authorizationToken": f"Lambda-Auth-{token}"}).payload
            for token in (good, bad)
        ]

    assert [answer["isAuthorized"] for answer in answers] == [True, False]
    assert answers[0]["resolverContext"]["sub"] == claims["sub"]


@pytest.mark.usefixtures("client")
def test_inference_runs_a_job_to_its_end(api: Api) -> None:
    invoke("inference", DISPATCH)

    api.assert_is_sound()
    assert api.log[-1].status == "COMPLETED"
    assert api.output == api.log[-1].result


@pytest.mark.parametrize(("key", "header"), [("", "Authorization"), ("da2-key", "x-api-key")])
@pytest.mark.usefixtures("client")
def test_inference_signs_unless_it_is_given_a_key(
    api: Api, monkeypatch: pytest.MonkeyPatch, key: str, header: str
) -> None:
    monkeypatch.setenv("LONGCALL_API_KEY", key)

    invoke("inference", DISPATCH)

    assert all({"Authorization", "x-api-key"} & headers.keys() == {header} for headers in api.headers)


@pytest.mark.parametrize(
    ("record", "error_type"),
    [
        (failure_record(), "CRASHED"),
        (failure_record(responsePayload={"errorMessage": "x Task timed out after 900.00 seconds"}), "TIMED_OUT"),
        (failure_record(responsePayload=None, responseContext=None,
                        requestContext={"requestId": "event", "condition": "EventAgeExceeded",
                                        "approximateInvokeCount": 0}), "THROTTLED"),
        (failure_record(responsePayload=None, responseContext=None,
                        requestContext={"requestId": "event", "condition": "RetriesExhausted",
                                        "approximateInvokeCount": 0}), "NEVER_STARTED"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("client")
def test_job_failed_ends_the_job_once_with_what_happened(api: Api, record: dict[str, Any], error_type: str) -> None:
    for _ in range(2):
        invoke("job_failed", record)

    api.assert_is_sound()
    assert (api.log[-1].status, api.log[-1].error_type) == ("FAILED", error_type)


@pytest.mark.parametrize(
    ("error_type", "message", "words"),
    [
        ("MissingSettings", "LONGCALL_API_URL is not set", "also when tried again: LONGCALL_API_URL is not set"),
        ("UpdateRefused", "AppSync refused an update: " + "x" * 9000, "AppSync refused an update: xxx"),
        ("KeyError", "'a prompt'", "its log has the reason"),
    ],
)
@pytest.mark.usefixtures("client")
def test_job_failed_says_why_where_the_words_are_ours(api: Api, error_type: str, message: str, words: str) -> None:
    response = {"errorType": error_type, "errorMessage": message, "stackTrace": []}

    invoke("job_failed", failure_record(responsePayload=response))

    assert words in str(api.log[-1].error)
    assert "a prompt" not in str(api.log[-1].error)


@pytest.mark.usefixtures("client")
def test_job_failed_leaves_a_job_that_another_invocation_has_claimed(api: Api) -> None:
    api.claim_by_another("other event")

    invoke("job_failed", failure_record())

    assert api.log[-1].status == "PROCESSING"


@pytest.mark.usefixtures("client")
def test_job_failed_leaves_a_job_that_has_ended(api: Api) -> None:
    api.cancel()

    invoke("job_failed", failure_record())

    assert api.log[-1].status == "CANCELLED"


@pytest.mark.usefixtures("client")
def test_sweep_brings_back_or_ends_jobs_that_nobody_hears_of(
    api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The API has the job under its own log; the ledger has it too, silent since long ago."""
    ledger = open_ledger(f"sqlite:{tmp_path / 'jobs.db'}")
    ledger.append(replace(api.log[0], updated_at=api.log[0].created_at - timedelta(hours=2)))
    monkeypatch.setenv("LONGCALL_REDISPATCH_SECONDS", "60")

    for _ in range(2):
        invoke("sweep", {})

    assert api.dispatches == [Redispatch(JOB_ID, 2), Redispatch(JOB_ID, 2)]
    assert [job.status for job in api.log] == ["PENDING", "PENDING"]


@pytest.mark.usefixtures("client")
def test_sweep_fails_a_job_whose_worker_fell_silent(api: Api, tmp_path: Path) -> None:
    api.claim_by_another("event")
    ledger = open_ledger(f"sqlite:{tmp_path / 'jobs.db'}")
    for job in api.log:
        ledger.append(replace(job, updated_at=job.updated_at - timedelta(hours=2)))

    first, second = (invoke("sweep", {}) for _ in range(2))

    api.assert_is_sound()
    assert first == {"seen": 1, "supervised": 1, "unreadable": 0, "failed": 0, "left": 0}
    assert second == first  # this ledger does not hear of the update
    assert (api.log[-1].status, api.log[-1].error_type) == ("FAILED", "STALLED")


@pytest.mark.usefixtures("client")
def test_no_stage_but_local_has_a_route() -> None:
    assert load_app().app.routes == {}


@pytest.mark.usefixtures("client")
def test_the_local_stage_invokes_handlers_and_reads_jobs_of_the_running_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = tmp_path / "environment.json"
    monkeypatch.setenv("LONGCALL_STAGE", "local")
    monkeypatch.setenv("LONGCALL_DATA", str(tmp_path))
    with Client(load_app().app, project_dir=str(ROOT)) as local:
        event = relay_event("startInference", {"input": {"prompt": "Hi", "model": "local.textrank"}})
        headers = {"Content-Type": "application/json", "Host": "localhost:8000"}
        stopped = local.http.post("/handlers/status_relay", body=json.dumps(event).encode(), headers=headers)

        own, anothers = ({"LONGCALL_LEDGER": f"sqlite:{tmp_path / name}"} for name in ("stack.db", "another.db"))
        environment.write_text(json.dumps({"status_relay": own, "sweep": anothers}))
        started = local.http.post("/handlers/status_relay", body=json.dumps(event).encode(), headers=headers)
        job_id = started.json_body["data"]["job"]["jobId"]
        job = local.http.get(f"/jobs/{job_id}", headers=headers)
        missing = local.http.get("/jobs/7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11", headers=headers)
        unknown = local.http.post("/handlers/nobody", body=b"{}", headers=headers)

    assert [path.name for path in tmp_path.glob("*.db")] == ["stack.db"]
    assert stopped.status_code == 500
    assert "longcall serve" in stopped.json_body["Message"]
    assert [event["sequence"] for event in job.json_body] == [1]
    assert (missing.status_code, unknown.status_code) == (404, 404)
    assert "status_relay" in unknown.json_body["Message"]


def test_importing_the_app_loads_nothing_heavy() -> None:
    program = "import sys, app; print(*sorted({'aiohttp', 'gql', 'jwt', 'botocore', 'sqlite3'} & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert found.stdout.split() == []

"""An unexpected error of the engine: the caller receives an id, and the log has the cause under this id."""

import re
from typing import Any

import pytest

from appsync_local.operation.documents import Documents
from appsync_local.resolvers.resolution import Resolution
from tests.support.engine_clients import Http, Realtime

SHOWN = re.compile(r"an internal failure occurred; its id in the log is ([0-9a-f]{12})")
SECRET = "arn:aws:iam::123456789012:role/secret"


def fail(*_: object) -> Any:
    raise LookupError(SECRET)


def incident_of(entry: dict[str, Any]) -> str:
    assert entry["errorType"] == "InternalFailure"
    found = SHOWN.fullmatch(entry["message"])
    assert found is not None
    return found[1]


def assert_logged(caplog: pytest.LogCaptureFixture, incident: str) -> None:
    [record] = [r for r in caplog.records if getattr(r, "incident", None) == incident]
    assert incident in record.getMessage()
    assert record.exc_info is not None
    assert SECRET in str(record.exc_info[1])


async def test_a_field_that_fails_shows_an_id_and_not_the_cause(
    http: Http, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Resolution, "run", fail)

    answer = await http.ask('{ note(id: "n1") { id } }')

    [entry] = answer["errors"]
    assert answer["data"] == {"note": None}
    assert_logged(caplog, incident_of(entry))


async def test_a_request_that_fails_shows_an_id_and_not_the_cause(
    http: Http, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Documents, "get", fail)

    response = await http.send('{"query": "{ unanswered }"}')

    [entry] = response.json["errors"]
    assert response.status == 500
    assert_logged(caplog, incident_of(entry))


async def test_a_start_that_fails_shows_an_id_and_not_the_cause(
    realtime: Realtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Documents, "get", fail)

    refused = await realtime.start("1", "subscription { written { id } }")

    [entry] = refused["payload"]["errors"]
    assert refused["id"] == "1"
    assert_logged(caplog, incident_of(entry))

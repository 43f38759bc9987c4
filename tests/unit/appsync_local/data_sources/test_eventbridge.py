"""The EventBridge data source, against a server on this machine that answers as EventBridge does."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from aiohttp import web

from appsync_local.data_sources.aws_services import AwsCredentials, AwsEndpoint
from appsync_local.data_sources.eventbridge import EventBridgeDataSource
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.errors import FieldError, SourceFailed
from tests.unit.appsync_local.data_sources.conftest import field_context

EVENT = {"source": "shop", "detailType": "OrderPlaced", "detail": {"id": "1"}}


class EventBridge:
    """Records requests and gives `answer` with `status`."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], Any]] = []
        self.status = 200
        self.answer: Any = {"FailedEntryCount": 0, "Entries": [{"EventId": "e-1"}]}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append((headers, orjson.loads(await request.read())))
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def bridge() -> AsyncIterator[tuple[EventBridge, EventBridgeDataSource]]:
    service, http_client = EventBridge(), HttpClient()
    runner = web.ServerRunner(web.Server(service.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint = AwsEndpoint(f"http://127.0.0.1:{runner.addresses[0][1]}", "eu-west-1", AwsCredentials("AKIA1", "s"))
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    yield service, EventBridgeDataSource("orders", endpoint, http_client, now=lambda: moment)
    await http_client.close()
    await runner.cleanup()


async def test_events_are_sent_in_the_form_of_the_service_and_its_answer_is_the_result(bridge: Any) -> None:
    service, source = bridge
    service.answer = {
        "FailedEntryCount": 1, "Entries": [{"EventId": "e-1"}, {"ErrorCode": "InternalFailure", "ErrorMessage": "no"}],
    }  # fmt: skip
    second = {**EVENT, "detail": "{}", "resources": ["arn:x"], "time": "2026-01-01T00:00:10Z"}

    result = await source.execute({"operation": "PutEvents", "events": [EVENT, second]}, field_context())

    assert result == service.answer
    ((headers, body),) = service.received
    assert body["Entries"] == [
        {"Source": "shop", "DetailType": "OrderPlaced", "Detail": '{"id":"1"}', "EventBusName": "orders"},
        {
            "Source": "shop", "DetailType": "OrderPlaced", "Detail": "{}", "EventBusName": "orders",
            "Resources": ["arn:x"], "Time": 1767225610.0,
        },
    ]  # fmt: skip
    assert headers["x-amz-target"] == "AWSEvents.PutEvents"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA1/20260102/eu-west-1/events/")


async def test_a_refusal_of_the_service_fails_the_data_source_with_its_code(bridge: Any) -> None:
    service, source = bridge
    service.status, service.answer = 400, {"__type": "com.x#ValidationException", "message": "too many"}

    with pytest.raises(SourceFailed, match="too many") as caught:
        await source.execute({"operation": "PutEvents", "events": [EVENT] * 11}, field_context())

    assert caught.value.type == "EventBridge:ValidationException"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"events": [EVENT]}, r"'\$\[operation\]' not found"),
        ({"operation": "Put", "events": [EVENT]}, "Unsupported operation 'Put'"),
        ({"operation": "PutEvents"}, r"'\$\[events\]' not found"),
        ({"operation": "PutEvents", "events": [{**EVENT, "detailType": None}]}, r"'\$\[events\]\[0\]\[detailType\]'"),
        ({"operation": "PutEvents", "events": [{**EVENT, "time": "soon"}]}, "not a timestamp"),
    ],
)
async def test_a_malformed_request_object_is_refused_and_nothing_is_sent(
    bridge: Any, request_: dict[str, Any], message: str
) -> None:
    service, source = bridge

    with pytest.raises(FieldError, match=message):
        await source.execute(request_, field_context())

    assert service.received == []

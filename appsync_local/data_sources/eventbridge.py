"""The EventBridge data source.

Source: AppSync Developer Guide, "JavaScript resolver function reference for EventBridge"; EventBridge API Reference,
PutEvents. EventBridge itself checks the number and the size of events.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from yarl import URL

from appsync_local.data_sources.aws_services import AwsEndpoint
from appsync_local.data_sources.http_client import HttpClient, HttpFailed
from appsync_local.data_sources.protocol import EXECUTION_LIMIT, malformed, not_found
from appsync_local.data_sources.signed_headers import signed_headers
from appsync_local.errors import SourceFailed
from appsync_local.javascript.context import FieldContext

SERVICE: Final = "events"
_HEADERS: Final = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AWSEvents.PutEvents"}
_REQUIRED: Final = ("source", "detail", "detailType")

log: Final = logging.getLogger(__name__)


class EventBridgeDataSource:
    """Sends events to one event bus.

    Args:
        bus: The ARN or the name of the bus.
        endpoint: The address of EventBridge.
        http_client: Sends the requests.
        now: Returns the current time, in UTC.
    """

    def __init__(
        self,
        bus: str,
        endpoint: AwsEndpoint,
        http_client: HttpClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bus = bus
        self._endpoint = endpoint
        self._url = URL(endpoint.url.rstrip("/") + "/")
        self._http_client = http_client
        self._now = now

    async def execute(self, request: object, context: FieldContext) -> object:  # noqa: ARG002
        """Send the events and return `{Entries, FailedEntryCount}`, also if EventBridge rejected some of them.

        Raises:
            SourceFailed: EventBridge refused the request, or did not answer.
            FieldError: The request object is malformed.
        """
        if not isinstance(request, dict) or "operation" not in request:
            raise not_found("operation")
        if request["operation"] != "PutEvents":
            raise malformed(f"Unsupported operation '{request['operation']}'. Supported: PutEvents.")
        events = request.get("events")
        if not isinstance(events, list):
            raise not_found("events")
        entries = [self._entry(event, place) for place, event in enumerate(events)]
        result = await self._call(orjson.dumps({"Entries": entries}))
        for event, entry in zip(entries, result.get("Entries", ()), strict=False):
            outcome = entry.get("ErrorCode") or "accepted"
            log.info("event %s of %s on %s: %s", event["DetailType"], event["Source"], self._bus, outcome)
        return result

    def _entry(self, event: object, place: int) -> dict[str, Any]:
        if not isinstance(event, dict):
            raise malformed(f"Value for field '$[events][{place}]' must be an object.")
        for member in _REQUIRED:
            if event.get(member) is None:
                raise not_found(f"events][{place}][{member}")
        entry: dict[str, Any] = {
            "Source": str(event["source"]),
            "DetailType": str(event["detailType"]),
            "Detail": event["detail"] if isinstance(event["detail"], str) else orjson.dumps(event["detail"]).decode(),
            "EventBusName": self._bus,
        }
        if event.get("resources"):
            entry["Resources"] = event["resources"]
        if event.get("time") is not None:
            entry["Time"] = _seconds(event["time"], place)
        return entry

    async def _call(self, body: bytes) -> dict[str, Any]:
        headers = signed_headers(
            "POST", self._url, _HEADERS, body,
            service=SERVICE, region=self._endpoint.region, credentials=self._endpoint.credentials, now=self._now(),
        )  # fmt: skip
        try:
            response = await self._http_client.send("POST", self._url, headers, body, within=EXECUTION_LIMIT)
            content = orjson.loads(response.body or b"{}")
        except HttpFailed as failure:
            raise SourceFailed("EventBridge:SdkClientException", f"Unable to execute HTTP request: {failure}") from None
        except orjson.JSONDecodeError:
            raise SourceFailed(
                "EventBridge:SdkClientException", f"{self._url} does not answer as EventBridge does"
            ) from None
        answer: dict[str, Any] = content if isinstance(content, dict) else {}
        if response.status != 200:
            code = str(answer.get("__type", "UnknownError")).rsplit("#", 1)[-1]
            raise SourceFailed(f"EventBridge:{code}", str(answer.get("message") or answer.get("Message") or code))
        return answer


def _seconds(time: object, place: int) -> float:
    """A timestamp of RFC 3339 as seconds since the epoch, as the wire format requires."""
    try:
        moment = datetime.fromisoformat(str(time))
    except ValueError:
        raise malformed(f"Value for field '$[events][{place}][time]' is not a timestamp of RFC 3339.") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()

"""A resolver or a pipeline function may return 5 MB of JSON, as on AppSync."""

from typing import Any

from appsync_local.api.limits import RESULT_LIMIT
from tests.support.engine_clients import Http
from tests.support.engine_doubles import RecordingInvoker, note

NOTE = '{ note(id: "n1") { id room } }'
QUEUE = 'mutation { queue(id: "n1") { id } }'


def note_of(size: int) -> dict[str, Any]:
    """A note that is this many bytes of compact JSON."""
    empty = '{"id":"n1","room":""}'
    return {"id": "n1", "room": "x" * (size - len(empty))}


async def test_a_result_of_5_mb_is_answered(http: Http, invoker: RecordingInvoker) -> None:
    invoker.functions["notes"] = lambda _: note_of(RESULT_LIMIT)

    answer = await http.ask(NOTE)

    assert len(answer["data"]["note"]["room"]) > RESULT_LIMIT - 100
    assert "errors" not in answer


async def test_a_larger_result_is_refused_as_appsync_does(http: Http, invoker: RecordingInvoker) -> None:
    invoker.functions["notes"] = lambda _: note_of(RESULT_LIMIT + 1)

    answer = await http.ask(NOTE)

    assert answer == {
        "data": {"note": None},
        "errors": [
            {
                "path": ["note"],
                "data": None,
                "errorType": "MappingTemplate",
                "errorInfo": None,
                "locations": [{"line": 1, "column": 3, "sourceName": None}],
                "message": "Transformation too large",
            }
        ],
    }


async def test_the_size_is_that_of_utf_8(http: Http, invoker: RecordingInvoker) -> None:
    invoker.functions["notes"] = lambda _: note("n1", room="日" * (RESULT_LIMIT // 3))

    answer = await http.ask(NOTE)

    assert [error["errorType"] for error in answer["errors"]] == ["MappingTemplate"]


async def test_a_pipeline_function_whose_result_is_too_large_ends_the_pipeline(
    http: Http, invoker: RecordingInvoker
) -> None:
    invoker.functions["notes"] = lambda _: note_of(RESULT_LIMIT + 1)

    answer = await http.ask(QUEUE)

    assert answer["data"] == {"queue": None}
    assert [error["message"] for error in answer["errors"]] == ["Transformation too large"]
    assert invoker.enqueued == []

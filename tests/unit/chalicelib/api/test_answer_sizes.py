"""No answer is larger than its carrier takes: Lambda returns at most 6 MB, and AppSync takes at most 5 MB."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.api.relay import Relay
from tests.unit.chalicelib.api.calling import ID, ask, claim, start, update

MOST = 3_000_000  # bytes
FOUR_KILOBYTES = {"text": "\N{SNOWMAN}" * 1350}


def read_all(relay: Relay) -> list[list[Any]]:
    """The pages of the job's log."""
    pages: list[list[Any]] = []
    while True:
        after = pages[-1][-1]["sequence"] if pages else 0
        page = ask(relay, "inferenceEvents", {"jobId": ID, "after": after, "limit": 1000})["data"]
        if not page:
            return pages
        pages.append(page)


def size_at_the_caller(page: Any) -> int:
    """Bytes of a page as AppSync sends it: AWSJSON is text."""
    texts = [
        event | {name: json.dumps(event[name]) for name in ("metadata", "usage") if event[name] is not None}
        for event in page
    ]
    return len(json.dumps({"data": {"inferenceEvents": texts}}))


@pytest.mark.parametrize(
    "values",
    [
        {"usage": FOUR_KILOBYTES},
        {"delta": "\N{HIRAGANA LETTER A}" * 2000},
        {"delta": '"' * 6000},
        {"message": "\N{SNOWMAN}" * 300},
    ],
    ids=lambda values: next(iter(values)),
)
def test_pages_of_the_log_are_cut_by_their_bytes_as_json(relay: Relay, values: dict[str, Any]) -> None:
    start(relay, jobId=ID, metadata=FOUR_KILOBYTES)
    claim(relay)
    for sequence in range(3, 403):
        update(relay, attempt=1, sequence=sequence, **values)

    pages = read_all(relay)

    assert [event["sequence"] for page in pages for event in page] == list(range(1, 403))
    assert len(pages) > 1
    assert max(max(len(json.dumps(page)), size_at_the_caller(page)) for page in pages) <= MOST + 100


def test_a_page_of_jobs_is_cut_by_its_bytes_as_json(relay: Relay) -> None:
    relay = replace(relay, quota=200)
    for _ in range(100):
        job_id = start(relay, metadata=FOUR_KILOBYTES)["data"]["job"]["jobId"]
        update(relay, jobId=job_id, requestId="event", updateId=job_id)
        update(
            relay,
            jobId=job_id,
            status="FAILED",
            error="\N{SNOWMAN}" * 2700,
            usage=FOUR_KILOBYTES,
            attempt=1,
            sequence=3,
        )

    found: list[str] = []
    token = None
    pages = 0
    while pages == 0 or token:
        page = ask(relay, "listInferences", {"limit": 100, "nextToken": token})["data"]
        assert size_at_the_caller(page["items"]) <= MOST + 100
        found += [job["jobId"] for job in page["items"]]
        token = page["nextToken"]
        pages += 1

    assert len(set(found)) == len(found) == 100
    assert pages > 1


def test_output_that_is_larger_as_json_than_an_answer_may_be_is_omitted(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    for sequence in range(3, 43):
        update(relay, attempt=1, sequence=sequence, delta="\x01" * 15_000)

    answer = ask(relay, "getInference", {"jobId": ID}, selection=["output", "outputOmitted"])["data"]

    assert (answer["output"], answer["outputOmitted"]) == (None, True)

"""The answer of each field, for each kind of caller, and what each field refuses."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api.calls import Reporting
from chalicelib.api.relay import Relay
from chalicelib.billing.metering import push_units
from chalicelib.jobs.dispatch import parse_dispatch
from chalicelib.jobs.limits import MAX_RESULT
from chalicelib.jobs.model import JobId, Owner, Status
from chalicelib.ledger.sqlite import SqliteLedger
from tests.contract.conftest import FakeClock
from tests.support.memory_objects import MemoryObjects
from tests.unit.chalicelib.api.calling import (
    ADA,
    ADA_BY_LAMBDA,
    BACKEND,
    GRACE,
    ID,
    NOVA,
    ask,
    claim,
    refusal,
    start,
    update,
)


def test_a_caller_without_identity_is_the_backend_only_if_workers_use_a_key(relay: Relay) -> None:
    start(relay, jobId=ID)
    report = {"input": {"jobId": ID, "status": "FAILED", "error": "by key"}}

    without = ask(relay, "updateStatus", report, identity=None)
    keyed = ask(replace(relay, reporting=Reporting.API_KEY), "updateStatus", report, identity=None)
    read = ask(replace(relay, reporting=Reporting.API_KEY), "getInference", {"jobId": ID}, identity=None)

    assert refusal(without) == refusal(read) == "Unauthorized"
    assert keyed["data"]["error"] == "by key"


def test_a_start_answers_the_first_event_and_what_to_dispatch(relay: Relay) -> None:
    answer = start(relay, jobId=ID, metadata={"k": [1, None]}, processTime=3)["data"]

    assert answer["job"]["jobId"] == ID
    assert (answer["job"]["status"], answer["job"]["sequence"], answer["job"]["attempt"]) == ("PENDING", 1, 0)
    assert answer["job"]["metadata"] == {"k": [1, None]}
    assert answer["job"]["createdAt"] == "2026-01-01T00:00:00.000Z"
    assert answer["dispatch"]["jobId"] == ID
    assert answer["dispatch"]["request"]["prompt"] == "Hi"
    assert answer["dispatch"]["request"]["processTime"] == 3


def test_a_start_without_an_id_makes_one(relay: Relay) -> None:
    first, second = (start(relay)["data"]["job"]["jobId"] for _ in range(2))

    assert uuid.UUID(first) != uuid.UUID(second)


def test_the_same_start_is_the_same_job_and_is_dispatched_again_only_while_pending(relay: Relay) -> None:
    first = start(relay, jobId=ID)["data"]
    second = start(relay, jobId=ID)["data"]
    claim(relay)
    third = start(relay, ADA_BY_LAMBDA, jobId=ID)["data"]

    assert second == first
    assert third["job"]["status"] == "PROCESSING"
    assert third["dispatch"] is None
    assert len(relay.ledger.read(JobId(ID), after=0, limit=10)) == 2


def test_an_id_in_use_is_refused_equally_for_other_input_and_for_another_owner(relay: Relay) -> None:
    start(relay, jobId=ID)

    other_input = start(relay, jobId=ID, prompt="Other")
    other_owner = start(relay, GRACE, jobId=ID)

    assert refusal(other_input) == "JobIdTaken"
    assert other_owner == other_input


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"promptUpload": ID}, "either a prompt or messages or a promptUpload"),
        ({"prompt": None}, "exactly one of them must be given"),
        ({"prompt": None, "promptUpload": "x"}, "promptUpload must be an uploadId"),
        ({"prompt": None, "promptUpload": ID}, "no upload"),
        ({"prompt": " \n\t"}, "prompt is empty"),
        ({"prompt": "x" * 196_609}, "prompt may have at most 196608 bytes"),
        ({"prompt": "\N{SNOWMAN}" * 65_537}, "prompt may have at most 196608 bytes"),
        ({"prompt": "\ud800"}, "surrogate"),
        ({"system": "x" * 16_385}, "system may have at most 16384 bytes"),
        ({"model": "gpt-0"}, "model 'gpt-0' is unknown"),
        ({"jobId": "7"}, "jobId must be a UUID"),
        ({"jobId": ID.upper()}, "lower case"),
        ({"processTime": -1}, "processTime must be from 0"),
        ({"processTime": float("nan")}, "processTime must be from 0"),
        ({"processTime": 7201}, "processTime must be from 0 to 7200"),
        ({"processTime": 841, "model": "simulated.error"}, "processTime of simulated.error must be at most 840"),
        ({"processTime": 1, "model": "local.textrank"}, "does not take processTime"),
        ({"maxTokens": 0}, "maxTokens must be 1 or more"),
        ({"temperature": 2.5}, "temperature must be from 0 to 2"),
        ({"metadata": {"a": "x" * 4096}}, "metadata may have at most 4096 bytes"),
        ({"metadata": "\ud800"}, "metadata has half of a surrogate pair"),
        ({"metadata": {"\udc00": 1}}, "metadata has half of a surrogate pair"),
    ],
)
def test_bad_input_is_refused_in_one_sentence_and_nothing_is_written(
    relay: Relay, values: dict[str, Any], words: str
) -> None:
    answer = start(relay, **{"jobId": ID, **values})

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]
    assert "\n" not in answer["error"]["message"]
    assert ask(relay, "listInferences", {})["data"]["items"] == []
    assert relay.ledger.head(JobId(ID)) is None


def test_a_prompt_at_the_limit_is_accepted(relay: Relay) -> None:
    assert "data" in start(relay, prompt="\N{SNOWMAN}" * 65_536)


def test_an_owner_may_have_only_a_limited_number_of_unfinished_jobs(relay: Relay) -> None:
    start(relay, jobId=ID)
    start(relay)

    assert refusal(start(relay)) == "QuotaExceeded"
    assert "data" in start(relay, GRACE)
    assert "data" in start(relay, jobId=ID), "the same start again is no new job"

    ask(relay, "cancelInference", {"jobId": ID})
    assert "data" in start(relay)
    assert refusal(start(relay)) == "QuotaExceeded"


def test_a_quota_that_a_crash_left_full_heals_at_the_next_start(relay: Relay, clock: FakeClock) -> None:
    ended = start(relay)["data"]["job"]["jobId"]
    ask(relay, "cancelInference", {"jobId": ended})
    relay.ledger.admit(relay.ledger.head(ended).owner, ended, limit=10)  # type: ignore[union-attr]  # it exists
    never_opened = JobId(str(uuid.uuid4()))
    relay.ledger.admit(relay.ledger.head(ended).owner, never_opened, limit=10)  # type: ignore[union-attr]

    clock.advance(61)

    assert "data" in start(relay)
    assert "data" in start(relay)
    assert refusal(start(relay)) == "QuotaExceeded"


def test_another_owners_job_is_answered_like_a_job_that_does_not_exist(relay: Relay) -> None:
    start(relay, jobId=ID)
    missing = str(uuid.uuid4())

    assert ask(relay, "getInference", {"jobId": ID}, GRACE) == {"data": None}
    assert ask(relay, "getInference", {"jobId": missing}, GRACE) == {"data": None}
    for field in ("cancelInference", "inferenceEvents"):
        foreign = ask(relay, field, {"jobId": ID}, GRACE)
        unknown = ask(relay, field, {"jobId": missing}, GRACE)
        assert refusal(foreign) == "JobNotFound"
        assert foreign["error"]["message"] == unknown["error"]["message"].replace(missing, ID)
    assert ask(relay, "listInferences", {}, GRACE)["data"]["items"] == []
    assert relay.ledger.head(JobId(ID)).status is Status.PENDING  # type: ignore[union-attr]


@pytest.mark.parametrize("identity", [None, {}, {"resolverContext": {}}, {"sub": ""}, BACKEND])
def test_a_field_for_callers_refuses_everyone_else(relay: Relay, identity: Any) -> None:
    assert refusal(start(relay, identity)) == "Unauthorized"
    assert refusal(ask(relay, "getInference", {"jobId": ID}, identity)) == "Unauthorized"


@pytest.mark.parametrize("identity", [None, ADA, ADA_BY_LAMBDA])
def test_only_the_backend_reports(relay: Relay, identity: Any) -> None:
    start(relay, jobId=ID)

    answer = ask(relay, "updateStatus", {"input": {"jobId": ID, "status": "FAILED"}}, identity)

    assert refusal(answer) == "Unauthorized"


def test_the_first_claim_is_granted_and_the_second_is_refused(relay: Relay) -> None:
    start(relay, jobId=ID)

    mine, other = claim(relay, "mine"), claim(relay, "other")

    assert (mine["claimed"], mine["status"], mine["attempt"], mine["sequence"]) == (True, "PROCESSING", 1, 2)
    assert "claimed" not in other
    assert other["sequence"] == 2


def test_output_is_that_of_the_newest_attempt_and_is_read_only_if_it_is_selected(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, attempt=1, sequence=3, delta="lost ")
    claim(relay)
    update(relay, attempt=2, sequence=5, delta="new ")
    update(relay, attempt=2, sequence=6, delta="text")

    with_output = ask(relay, "getInference", {"jobId": ID}, selection=["jobId", "output"])["data"]
    without = ask(relay, "getInference", {"jobId": ID}, selection=["jobId"])["data"]

    assert with_output["output"] == "new text"
    assert "output" not in without
    assert with_output["attempt"] == 2


def test_a_worker_whose_job_was_cancelled_reads_it_in_its_answer(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, attempt=1, sequence=3, delta="kept")
    ask(relay, "cancelInference", {"jobId": ID})

    answer = update(relay, attempt=1, sequence=4, delta="late")["data"]

    assert (answer["status"], answer["sequence"]) == ("CANCELLED", 4)
    assert ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]["output"] == "kept"


def test_cancelling_twice_is_cancelling_once(relay: Relay) -> None:
    start(relay, jobId=ID)

    once, twice = (ask(relay, "cancelInference", {"jobId": ID})["data"] for _ in range(2))

    assert once == twice
    assert once["sequence"] == 2


def test_a_heartbeat_is_a_record_only_when_the_lease_is_due(relay: Relay, clock: FakeClock) -> None:
    start(relay, jobId=ID)
    claim(relay)

    clock.advance(9)
    early = update(relay, attempt=1, sequence=3)["data"]
    clock.advance(1)
    due = update(relay, attempt=1, sequence=3)["data"]

    assert (early["sequence"], due["sequence"]) == (2, 3)


def test_a_long_result_is_left_out_of_the_push_and_read_with_the_job(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    result = "\N{SNOWMAN}" * 50_000

    pushed = update(relay, status="COMPLETED", attempt=1, sequence=3, result=result)["data"]
    read = ask(relay, "getInference", {"jobId": ID})["data"]

    assert (pushed["result"], pushed["resultOmitted"]) == (None, True)
    assert read["result"] == result


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "PENDING"}, "not to PENDING"),
        ({"status": "CANCELLED"}, "not to CANCELLED"),
        ({"result": "r"}, "goes with COMPLETED"),
        ({"error": "e"}, "goes with FAILED"),
        ({"status": "COMPLETED", "errorType": "CRASHED"}, "goes with FAILED"),
        ({"attempt": 1}, "needs the sequence"),
        ({"requestId": "r", "attempt": 1}, "not both"),
        ({"progress": 1.5}, "progress must be from 0 to 1"),
        ({"message": "x" * 1025}, "message may have at most 1024 bytes"),
        ({"delta": "\x00" * 20_000}, "as JSON text"),
        ({"usage": [1]}, "usage must be a JSON object"),
    ],
)
def test_a_malformed_update_is_refused_and_nothing_is_written(relay: Relay, values: dict[str, Any], words: str) -> None:
    start(relay, jobId=ID)

    answer = update(relay, **values)

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]
    assert relay.ledger.head(JobId(ID)).sequence == 1  # type: ignore[union-attr]


def test_an_operators_illegal_move_names_both_statuses(relay: Relay) -> None:
    start(relay, jobId=ID)

    answer = update(relay, status="COMPLETED", result="by hand")

    assert refusal(answer) == "InvalidTransition"
    assert answer["error"]["message"] == "a job that is PENDING cannot become COMPLETED"


def test_only_the_backend_dispatches_a_job_again_and_only_once(relay: Relay) -> None:
    start(relay, jobId=ID, processTime=3)

    refused = ask(relay, "dispatchInference", {"jobId": ID}, ADA)
    once, twice = (ask(relay, "dispatchInference", {"jobId": ID}, BACKEND)["data"] for _ in range(2))

    assert refusal(refused) == "Unauthorized"
    assert once["dispatch"]["request"]["processTime"] == 3
    assert (once["job"]["sequence"], twice["job"]["sequence"], twice["dispatch"]) == (2, 2, None)


def test_events_are_paged_by_sequence_and_by_size(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    for sequence in range(3, 43):
        update(relay, attempt=1, sequence=sequence, delta="x" * 98_000)

    everything: list[int] = []
    while True:
        page = ask(relay, "inferenceEvents", {"jobId": ID, "after": everything[-1] if everything else 0})["data"]
        if not page:
            break
        assert len(json.dumps(page)) <= 3_000_000
        everything.extend(event["sequence"] for event in page)

    assert everything == list(range(1, 43))


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("listInferences", {"limit": 0}),
        ("listInferences", {"limit": 101}),
        ("listInferences", {"nextToken": "forged"}),
        ("inferenceEvents", {"jobId": ID, "limit": 1001}),
        ("inferenceEvents", {"jobId": ID, "after": -1}),
        ("getInference", {"jobId": "../etc/passwd"}),
        ("cancelInference", {"jobId": "x"}),
    ],
)
def test_arguments_out_of_range_are_refused(relay: Relay, field: str, arguments: dict[str, Any]) -> None:
    assert refusal(ask(relay, field, arguments)) == "InvalidRequest"


def test_a_job_expires_for_every_reader(relay: Relay, clock: FakeClock) -> None:
    start(relay, jobId=ID)
    clock.time = datetime(2026, 1, 8, 0, 0, 1, tzinfo=UTC)

    assert ask(relay, "getInference", {"jobId": ID}) == {"data": None}
    assert refusal(ask(relay, "inferenceEvents", {"jobId": ID})) == "JobNotFound"
    assert refusal(update(relay, requestId="late")) == "JobNotFound"


def test_a_lost_race_for_a_sequence_is_decided_again(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)

    class Rival(SqliteLedger):
        """Somebody else appends between this relay's reading and writing, once."""

        raced = False

        def append(self, job: Any) -> bool:
            if not self.raced:
                self.raced = True
                super().append(replace(job, delta="first", update_id="theirs"))
            return super().append(job)

    path = relay.ledger._database.execute("PRAGMA database_list").fetchone()[2]  # type: ignore[attr-defined]
    rival = Rival(Path(path), clock=relay.clock)
    answer: Any = update(replace(relay, ledger=rival), attempt=1, sequence=3, delta="second")
    rival.close()

    assert (answer["data"]["sequence"], answer["data"]["delta"]) == (4, "second")


def test_a_conversation_is_dispatched_with_all_its_turns(relay: Relay) -> None:
    turns = [{"role": role, "text": role.lower()} for role in ("USER", "ASSISTANT", "USER")]

    answer = start(relay, jobId=ID, prompt=None, messages=turns)

    assert answer["data"]["dispatch"]["request"]["messages"] == turns
    assert parse_dispatch(answer["data"]["dispatch"]).request.conversation[1].text == "assistant"
    assert refusal(start(relay, jobId=ID, prompt=None, messages=turns[:1])) == "JobIdTaken"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"prompt": None}, "either a prompt or messages"),
        ({"messages": [{"role": "USER", "text": "Hi"}]}, "either a prompt or messages"),
        ({"prompt": None, "messages": []}, "end with one of the USER"),
        ({"prompt": None, "messages": [{"role": "ASSISTANT", "text": "Hi"}]}, "end with one of the USER"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "Hi"}] * 2}, "take turns"),
        ({"prompt": None, "messages": [{"role": "USER", "text": " "}]}, "a message is empty"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "x" * 196_609}]}, "196608 bytes"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "", "images": []}]}, "a message is empty"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "", "images": ["x"]}]}, "must be an uploadId"),
        ({"prompt": None, "messages": [{"role": "USER", "text": "", "images": [ID] * 21}]}, "at most 20 images"),
        (
            {
                "prompt": None,
                "messages": [
                    {"role": "USER", "text": "Hi"},
                    {"role": "ASSISTANT", "text": "This", "images": [ID]},
                    {"role": "USER", "text": "Yes?"},
                ],
            },
            "images go with messages of the USER",
        ),
        ({"prompt": None, "messages": [{"role": "USER", "text": "", "images": [ID]}]}, "does not take images"),
        ({"topP": 1.5}, "topP must be from 0 to 1"),
        ({"maxCost": -1}, "maxCost must be from 0"),
        ({"stopSequences": ["a", ""]}, "a stop sequence is empty"),
        ({"stopSequences": ["a"] * 17}, "at most 16"),
        ({"stopSequences": ["é" * 129]}, "at most 256 bytes"),
    ],
)
def test_an_invalid_conversation_or_option_is_refused(relay: Relay, values: dict[str, Any], words: str) -> None:
    answer = start(relay, jobId=ID, **values)

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]
    assert relay.ledger.head(JobId(ID)) is None


def test_an_upload_is_opened_for_the_caller_with_its_url_and_headers(relay: Relay) -> None:
    upload = ask(relay, "createUpload", {"input": {"bytes": 5, "sha256": "ab" * 32}})["data"]
    another = ask(relay, "createUpload", {"input": {"bytes": 5, "sha256": "ab" * 32}}, GRACE)["data"]

    assert upload["headers"] == [{"name": "Content-Length", "value": "5"}]
    assert upload["expiresAt"] == "2026-01-01T00:15:00.000Z"
    assert upload["mostBytes"] == 10_485_760
    assert upload["uploadId"] != another["uploadId"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"bytes": 0, "sha256": "ab" * 32}, "1 to 10485760 bytes, and this one has 0"),
        ({"bytes": 10_485_761, "sha256": "ab" * 32}, "1 to 10485760 bytes"),
        ({"bytes": 5, "sha256": "AB" * 32}, "sha256 must be a SHA-256 in hex"),
    ],
)
def test_an_upload_that_could_not_be_sent_is_refused(relay: Relay, values: dict[str, Any], words: str) -> None:
    answer = ask(relay, "createUpload", {"input": values})

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]


def test_a_start_on_an_upload_gives_the_job_a_copy_and_the_worker_its_id(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a long text")

    answer = start(relay, jobId=ID, prompt=None, promptUpload=upload_id)["data"]

    assert answer["dispatch"]["owner"] == "ada"
    assert answer["dispatch"]["request"]["promptUpload"] == upload_id
    assert kept(relay).inputs == {("ada", ID, upload_id): b"a long text"}


def test_a_start_on_an_upload_may_be_repeated_after_the_upload_is_gone(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a long text")
    first = start(relay, jobId=ID, prompt=None, promptUpload=upload_id)
    kept(relay).uploads.clear()

    assert start(relay, jobId=ID, prompt=None, promptUpload=upload_id) == first


def test_a_start_on_an_upload_of_another_owner_is_refused_and_takes_no_quota(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("grace"), b"of Grace")

    answers = [start(relay, prompt=None, promptUpload=upload_id) for _ in range(3)]

    assert [refusal(answer) for answer in answers] == ["InvalidRequest"] * 3
    assert relay.ledger.admitted(Owner("ada")) == {}


def test_a_start_with_more_uploads_than_fit_a_worker_is_refused(relay: Relay) -> None:
    images = [kept(relay).send(Owner("ada"), bytes([number]) * 10_485_760) for number in range(8)]
    message = {"role": "USER", "text": "What are these?", "images": images}

    answer = start(relay, prompt=None, model="amazon.nova-lite-v1:0", messages=[message])

    assert refusal(answer) == "InvalidRequest"
    assert "uploads may have 78643200 bytes in all" in answer["error"]["message"]
    assert relay.ledger.admitted(Owner("ada")) == {}


def test_a_stored_result_is_reported_and_its_url_is_made_only_if_it_is_selected(relay: Relay) -> None:
    start(relay, jobId=ID)
    attempt = claim(relay)["attempt"]
    stored = {"resultBytes": 300_000, "resultSha256": "ab" * 32}

    pushed = update(relay, status="COMPLETED", attempt=attempt, sequence=3, **stored)["data"]
    read = ask(relay, "getInference", {"jobId": ID})["data"]
    asked = ask(relay, "getInference", {"jobId": ID}, selection=["jobId", "resultUrl"])["data"]
    (listed,) = ask(relay, "listInferences", {})["data"]["items"]

    for seen in (pushed, read, asked, listed):
        assert {**seen, **stored, "result": None, "resultOmitted": True} == seen
    assert asked["resultUrl"] == f"https://bucket/ada/{ID}/1"
    assert "resultUrl" not in read
    assert ask(relay, "getInference", {"jobId": ID}, GRACE, selection=["resultUrl"])["data"] is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "PROCESSING", "resultBytes": 1, "resultSha256": "ab" * 32}, "go with COMPLETED"),
        ({"result": "x", "resultBytes": 1, "resultSha256": "ab" * 32}, "stand for a result left out"),
        ({"resultBytes": 1}, "give both, or neither"),
        ({"resultBytes": 67_108_865, "resultSha256": "ab" * 32}, "resultBytes must be from 1 to 67108864"),
        ({"resultBytes": 1, "resultSha256": "x"}, "resultSha256 must be a SHA-256"),
        ({"resultBytes": 1, "resultSha256": "ab" * 32, "attempt": None, "sequence": None}, "give the attempt too"),
    ],
)
def test_an_invalid_stored_result_is_refused(relay: Relay, values: dict[str, Any], words: str) -> None:
    start(relay, jobId=ID)
    claim(relay)

    answer = update(relay, **{"status": "COMPLETED", "attempt": 1, "sequence": 3, **values})

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]


def test_output_that_is_too_long_for_an_answer_is_omitted(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    for sequence in range(3, 14):
        update(relay, attempt=1, sequence=sequence, delta="x" * 90_000)

    within = ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]
    update(relay, attempt=1, sequence=14, delta="x" * 90_000)
    beyond = ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]

    assert (within["output"], within["outputOmitted"]) == ("x" * 990_000, False)
    assert (beyond["output"], beyond["outputOmitted"]) == (None, True)


def kept(relay: Relay) -> MemoryObjects:
    assert isinstance(relay.objects, MemoryObjects)
    return relay.objects


def meter(operations: int, **counts: int) -> dict[str, int]:
    zero = dict.fromkeys(("pushes", "milliseconds", "megabytes", "inputTokens", "cachedInputTokens", "outputTokens"), 0)
    return {"operations": operations, **zero, **counts}


def bill(answer: Any) -> dict[str, float]:
    return {item["name"]: item["quantity"] for item in answer["cost"]["items"]}


def test_the_last_event_has_the_bill_and_no_other_has_one(relay: Relay) -> None:
    start(relay, jobId=ID)
    claimed = claim(relay)
    going = update(relay, attempt=1, sequence=3, delta="a", meter=meter(1, pushes=1))["data"]
    usage = {"inputTokens": 5, "outputTokens": 7}
    spent = meter(3, pushes=3, milliseconds=2000, megabytes=512, inputTokens=5, outputTokens=7)

    ended = update(relay, attempt=1, sequence=4, status="COMPLETED", result="a", usage=usage, meter=spent)["data"]

    assert (claimed["cost"], going["cost"]) == (None, None)
    bought = bill(ended)
    assert bought["AppSync operations"] == 1 + 3 + 1  # the start, what the worker reported, and this update
    assert bought["AppSync real-time updates"] == 3 + 1
    assert bought["Lambda requests"] == 5 + 1
    assert bought["Lambda time of workers"] == 1
    assert (bought["input tokens"], bought["output tokens"]) == (5, 7)
    assert ask(relay, "getInference", {"jobId": ID})["data"]["cost"] == ended["cost"]


def test_an_attempt_that_died_is_billed_up_to_its_last_report(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, attempt=1, sequence=3, delta="a", meter=meter(1, pushes=1, outputTokens=100))

    again = claim(relay)
    ended = update(
        relay, attempt=2, sequence=5, status="COMPLETED", result="b", meter=meter(1, pushes=1, outputTokens=9)
    )

    assert bill(again)["AppSync operations"] == 1 + 2 + 1  # the start, the first attempt's two, and this claim
    bought = bill(ended["data"])
    assert bought["AppSync operations"] == 1 + 2 + 2
    assert bought["Lambda requests"] == 5 + 2
    assert bought["output tokens"] == 109


def test_updates_by_others_are_billed_once(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, message="a word from an operator")
    update(relay, attempt=1, sequence=4, delta="a", meter=meter(1, pushes=1))

    cancelled = ask(relay, "cancelInference", {"jobId": ID})["data"]

    assert bill(cancelled)["AppSync operations"] == 5
    assert bill(cancelled)["AppSync real-time updates"] == 4


def test_a_large_bill_counts_itself(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)

    ended = update(relay, attempt=1, sequence=3, status="COMPLETED", result="x" * 4_300, meter=meter(1, pushes=1))[
        "data"
    ]

    assert bill(ended)["AppSync real-time updates"] == 1 + 2
    assert push_units(ended) == 2
    assert push_units({**ended, "cost": None}) == 1


def test_a_meter_that_counts_down_is_refused(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)

    assert refusal(update(relay, attempt=1, sequence=3, meter=meter(-1))) == "InvalidRequest"


def test_images_of_a_conversation_are_taken_for_the_job_and_dispatched_by_id(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a picture")
    turns = [{"role": "USER", "text": "What is this?", "images": [upload_id, upload_id]}]

    missing = start(relay, jobId=ID, prompt=None, model=NOVA, messages=[{**turns[0], "images": [ID]}])
    started = start(relay, jobId=ID, prompt=None, model=NOVA, messages=turns)["data"]

    assert refusal(missing) == "InvalidRequest"
    assert started["dispatch"]["request"]["messages"] == turns
    assert kept(relay).inputs == {(Owner("ada"), JobId(ID), upload_id): b"a picture"}
    assert parse_dispatch(started["dispatch"]).request.uploads == (upload_id,)


def test_a_deleted_job_is_not_found_and_leaves_nothing_in_the_bucket(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a long text")
    start(relay, jobId=ID, prompt=None, promptUpload=upload_id)
    claim(relay)
    update(relay, status="COMPLETED", attempt=1, sequence=3, resultBytes=6, resultSha256="ab" * 32)
    kept(relay).store_result(Owner("ada"), JobId(ID), 1, b"result")

    stranger = ask(relay, "deleteInference", {"jobId": ID}, GRACE)
    answers = [ask(relay, "deleteInference", {"jobId": ID}) for _ in range(2)]

    assert refusal(stranger) == "JobNotFound"
    assert answers == [{"data": ID}, {"data": ID}]
    assert (kept(relay).uploads, kept(relay).inputs, kept(relay).results) == ({}, {}, {})
    assert ask(relay, "getInference", {"jobId": ID})["data"] is None
    assert ask(relay, "listInferences", {})["data"]["items"] == []
    assert [refusal(ask(relay, field, {"jobId": ID})) for field in ("inferenceEvents", "cancelInference")] == [
        "JobNotFound"
    ] * 2
    assert refusal(start(relay, jobId=ID)) == "JobIdTaken"


def test_an_unfinished_job_is_not_deleted(relay: Relay) -> None:
    start(relay, jobId=ID)

    answer = ask(relay, "deleteInference", {"jobId": ID})

    assert refusal(answer) == "JobUnfinished"
    assert "is PENDING, and only a job that has ended can be deleted; cancel it first" in answer["error"]["message"]


def test_nothing_of_a_deleted_job_is_left_in_the_file(relay: Relay, tmp_path: Path) -> None:
    start(relay, jobId=ID, prompt="the private words " * 1000, metadata={"a": "the private words"})
    claim(relay)
    update(relay, attempt=1, sequence=3, delta="the private words " * 1000)
    ask(relay, "cancelInference", {"jobId": ID})

    ask(relay, "deleteInference", {"jobId": ID})

    files = list(tmp_path.iterdir())
    assert [file.name for file in files if b"private" in file.read_bytes()] == []


def test_a_quote_is_near_the_bill_and_lists_its_assumptions(relay: Relay) -> None:
    asked = {"model": "simulated.story", "textBytes": 400, "maxTokens": 500, "processTime": 10}

    found = ask(relay, "quoteInference", {"input": asked})["data"]

    bought = bill({"cost": found})
    assert (
        bought["AppSync operations"] == 1 + 1 + 21 + 1
    )  # start, claim, the first piece and one update each half second, the end
    assert (bought["input tokens"], bought["output tokens"]) == (100, 500)
    assert found["notes"][-1] == "assumed are 100 input tokens, 500 output tokens, 10 seconds and one watcher"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "simulated.stry", "textBytes": 1}, "is unknown"),
        ({"model": "simulated.story", "textBytes": -1}, "textBytes must be from 0"),
        ({"model": "simulated.story", "textBytes": 1, "maxTokens": 0}, "maxTokens must be 1 or more"),
        ({"model": "local.textrank", "textBytes": 1, "processTime": 1}, "does not take processTime"),
    ],
)
def test_a_quote_for_a_job_that_could_not_start_is_refused(relay: Relay, asked: dict[str, Any], words: str) -> None:
    answer = ask(relay, "quoteInference", {"input": asked})

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]


def test_a_quote_of_very_many_tokens_is_made_in_steps(relay: Relay) -> None:
    found = ask(relay, "quoteInference", {"input": {"model": "simulated.story", "textBytes": 1, "maxTokens": 10**9}})

    assert bill({"cost": found["data"]})["output tokens"] == 10**9


def test_a_limit_on_costs_is_refused_for_a_model_without_a_price(relay: Relay) -> None:
    answer = start(relay, jobId=ID, model="openai/llama3.2", maxCost=1)

    assert refusal(answer) == "InvalidRequest"
    assert "maxCost needs a price" in answer["error"]["message"]


def test_only_a_granted_claim_is_answered_with_the_newest_checkpoint(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    update(relay, attempt=1, sequence=3, status="PROCESSING", delta="abc", checkpoint='{"at":1}')
    update(relay, attempt=1, sequence=4, status="PROCESSING", delta="lost")

    again = claim(relay)
    read = ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]
    events = ask(relay, "inferenceEvents", {"jobId": ID, "after": 0})["data"]

    assert (again["claimed"], again["checkpoint"], again["outputKept"]) == (True, '{"at":1}', 3)
    assert read["output"] == "abc"
    assert not any("checkpoint" in event for event in [read, *events])


def test_only_the_backend_dispatches_the_next_worker_and_only_while_the_job_waits_for_one(relay: Relay) -> None:
    start(relay, jobId=ID)
    claim(relay)
    sending = {"jobId": ID, "attempt": 1}
    early = ask(relay, "dispatchInference", sending, BACKEND)["data"]
    update(relay, attempt=1, sequence=3, status="PROCESSING", checkpoint="1", handsOver=True)

    refused = ask(relay, "dispatchInference", sending, ADA)
    first, again = (ask(relay, "dispatchInference", sending, BACKEND)["data"] for _ in range(2))
    claim(relay, "second")
    late = ask(relay, "dispatchInference", sending, BACKEND)["data"]

    assert refusal(refused) == "Unauthorized"
    assert early["dispatch"] is late["dispatch"] is None
    assert first["dispatch"] == again["dispatch"]
    assert (first["dispatch"]["continues"], first["dispatch"]["jobId"]) == (1, ID)


@pytest.mark.parametrize(("size", "is_kept_twice"), [(MAX_RESULT, True), (MAX_RESULT + 1, False)])
def test_a_short_result_that_equals_the_output_is_stored_too(relay: Relay, size: int, is_kept_twice: bool) -> None:
    start(relay, jobId=ID)
    claim(relay)
    output = "x" * size
    deltas = [output[at : at + 65_536] for at in range(0, size, 65_536)]
    for sequence, delta in enumerate(deltas[:-1], start=3):
        update(relay, attempt=1, sequence=sequence, status="PROCESSING", delta=delta)

    last = {"attempt": 1, "sequence": 2 + len(deltas), "delta": deltas[-1]}
    update(relay, **last, status="COMPLETED", resultIsOutput=True)
    read = ask(relay, "getInference", {"jobId": ID}, selection=["output"])["data"]

    assert (read["status"], read["output"], read["resultIsOutput"]) == ("COMPLETED", output, True)
    assert read["result"] == (output if is_kept_twice else None)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"checkpoint": "1"}, "needs its attempt"),
        ({"handsOver": True}, "needs its attempt"),
        ({"attempt": 1, "sequence": 3, "checkpoint": "é" * 32_769}, "checkpoint may have at most 65536 bytes"),
        ({"attempt": 1, "sequence": 3, "status": "FAILED", "handsOver": True}, "goes with PROCESSING, not with FAILED"),
        (
            {"attempt": 1, "sequence": 3, "status": "COMPLETED", "result": "r", "resultIsOutput": True},
            "no other result",
        ),
        ({"attempt": 1, "sequence": 3, "resultIsOutput": True}, "resultIsOutput goes with COMPLETED"),
    ],
)
def test_an_invalid_checkpoint_or_hand_over_is_refused(relay: Relay, values: dict[str, Any], words: str) -> None:
    start(relay, jobId=ID)
    claim(relay)

    answer = update(relay, **({"status": "PROCESSING"} | values))

    assert refusal(answer) == "InvalidRequest"
    assert words in answer["error"]["message"]


def test_objects_in_the_bucket_are_billed(relay: Relay) -> None:
    upload_id = kept(relay).send(Owner("ada"), b"a long text")
    start(relay, jobId=ID, prompt=None, promptUpload=upload_id)
    claim(relay)

    stored = {"resultBytes": 300_000, "resultSha256": "ab" * 32}
    ended = update(relay, attempt=1, sequence=3, status="COMPLETED", meter=meter(1, pushes=1), **stored)["data"]

    assert (bill(ended)["S3 writes"], bill(ended)["S3 reads"]) == (3, 2)

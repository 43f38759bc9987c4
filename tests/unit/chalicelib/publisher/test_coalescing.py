"""Which output waits to be sent, and when it is due. Times are arguments."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.billing.budget import AttemptBudget
from chalicelib.jobs.limits import MAX_DELTA, MAX_MESSAGE, MAX_RESULT_TEXT
from chalicelib.jobs.model import Change, InferenceRequest, Status
from chalicelib.publisher.coalescing import Outbox
from chalicelib.publisher.policies import Interval
from chalicelib.publisher.text import SPLIT, cut, encode
from chalicelib.workloads import Checkpoint, Chunk, Progress, Usage

POLICY = Interval(0.5, 100)
COSTS = AttemptBudget(InferenceRequest("", "local.textrank"), megabytes=512, clock=lambda: 0.0)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(POLICY, COSTS)


@pytest.fixture
def outbox_after_output() -> Outbox:
    """It gave its first output at 10.0 seconds."""
    outbox = Outbox(POLICY, COSTS)
    outbox.add(Chunk("first"))
    assert outbox.take(now=10.0) == Change(Status.PROCESSING, delta="first")
    return outbox


def drained(outbox: Outbox) -> list[Change]:
    outbox.drain()
    changes = []
    while not outbox.is_drained:
        change = outbox.take(now=0.0)
        assert change is not None
        changes.append(change)
    return changes


def test_an_empty_outbox_is_never_due(outbox: Outbox) -> None:
    outbox.add(Chunk(""))
    outbox.add(Progress())

    assert outbox.due() == math.inf
    assert outbox.take(now=1e9) is None


def test_the_first_progress_and_then_the_first_output_are_due_at_once(outbox: Outbox) -> None:
    outbox.add(Progress(0.5, "reading"))
    assert outbox.take(now=10.0) == Change(Status.PROCESSING, progress=0.5, message="reading")

    outbox.add(Chunk("first"))
    assert outbox.take(now=10.0) == Change(Status.PROCESSING, delta="first")


def test_later_pieces_wait_for_the_interval_and_are_joined(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Chunk("sec"))
    outbox_after_output.add(Chunk("ond"))

    assert outbox_after_output.due() == 10.5
    assert outbox_after_output.take(now=10.49) is None
    assert outbox_after_output.take(now=10.5) == Change(Status.PROCESSING, delta="second")


def test_a_piece_after_a_long_silence_does_not_wait(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Chunk("late"))

    assert outbox_after_output.take(now=60.0) == Change(Status.PROCESSING, delta="late")


def test_enough_bytes_do_not_wait(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Chunk("é" * 49))
    assert outbox_after_output.take(now=10.1) is None

    outbox_after_output.add(Chunk("é"))
    assert outbox_after_output.take(now=10.1) == Change(Status.PROCESSING, delta="é" * 50)


def test_only_the_latest_progress_and_message_count(outbox_after_output: Outbox) -> None:
    for percent in range(10):
        outbox_after_output.add(Progress(percent / 10, f"step {percent}"))
    outbox_after_output.add(Progress(message="nearly there"))

    assert outbox_after_output.take(now=10.4) is None
    assert outbox_after_output.take(now=10.5) == Change(Status.PROCESSING, progress=0.9, message="nearly there")


def test_the_latest_usage_goes_along_and_makes_nothing_due(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Usage({"outputTokens": 1}))
    outbox_after_output.add(Usage({"outputTokens": 2}))
    assert outbox_after_output.due() == math.inf

    outbox_after_output.add(Chunk("second"))

    assert outbox_after_output.take(now=11.0) == Change(Status.PROCESSING, delta="second", usage={"outputTokens": 2})
    outbox_after_output.add(Chunk("third"))
    assert outbox_after_output.take(now=12.0) == Change(Status.PROCESSING, delta="third")


@pytest.mark.parametrize(("share", "sent"), [(-1.0, 0.0), (1.5, 1.0), (math.inf, 1.0), (math.nan, None)])
def test_a_share_outside_its_range_is_brought_into_it(outbox: Outbox, share: float, sent: float | None) -> None:
    outbox.add(Progress(share, "at work"))

    assert outbox.take(now=0.0) == Change(Status.PROCESSING, progress=sent, message="at work")


def test_a_message_over_the_limit_is_cut_at_a_character(outbox: Outbox) -> None:
    outbox.add(Progress(message="語" * 1000))

    change = outbox.take(now=0.0)

    assert change is not None
    assert change.message is not None
    assert change.message.strip("語") == "…"
    assert MAX_MESSAGE - 3 < len(change.message.encode()) <= MAX_MESSAGE


def test_a_drained_outbox_gives_everything_at_once(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Chunk("rest"))
    outbox_after_output.add(Progress(1.0))

    assert drained(outbox_after_output) == [Change(Status.PROCESSING, progress=1.0, delta="rest")]


def test_what_is_discarded_is_not_due(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Chunk("unwanted"))
    outbox_after_output.add(Progress(1.0, "unwanted"))

    outbox_after_output.discard()

    assert outbox_after_output.is_empty


@pytest.mark.parametrize(
    "character",
    ["a", "é", "語", "\U0001f600", '"', "\n", "\x00", "\u2028", "\x7f"],
    ids=lambda text: f"U+{ord(text):04X}",
)
def test_output_of_any_character_is_split_within_both_limits(outbox: Outbox, character: str) -> None:
    text = "x" + character * 200_000

    outbox.add(Chunk(text))
    deltas = [change.delta or "" for change in drained(outbox)]

    assert "".join(deltas) == text
    for delta in deltas:
        assert len(delta.encode()) <= SPLIT
        assert len(json.dumps(delta, ensure_ascii=False).encode()) <= MAX_DELTA


@given(st.lists(st.text(), max_size=20), st.integers(1, 5000))
def test_joined_deltas_are_the_pieces_byte_for_byte(texts: list[str], repeats: int) -> None:
    outbox = Outbox(POLICY, COSTS)

    for text in texts:
        outbox.add(Chunk(text * repeats))

    sent = b"".join((change.delta or "").encode() for change in drained(outbox))
    assert sent == b"".join((text * repeats).encode() for text in texts)


def test_a_lone_surrogate_is_replaced_visibly_and_a_pair_is_joined() -> None:
    assert encode("half \ud83d, whole \ud83d\ude00").decode() == "half \ufffd, whole \U0001f600"


@given(st.text(st.characters(exclude_categories=())), st.integers(3, 40))
def test_a_cut_text_fits_and_says_that_it_was_cut(text: str, limit: int) -> None:
    result = cut(text, limit)

    assert len(result.encode()) <= limit
    assert result == encode(text).decode() or result.endswith("…")


def test_an_update_with_a_checkpoint_ends_where_that_stands(outbox: Outbox) -> None:
    outbox.add(Chunk("before"))
    outbox.add(Checkpoint({"at": 1}))
    outbox.add(Chunk(" behind"))

    first, rest = drained(outbox)

    assert (first.delta, first.checkpoint) == ("before", '{"at":1}')
    assert (rest.delta, rest.checkpoint) == (" behind", None)


def test_the_newest_checkpoint_counts_and_goes_with_the_last_piece_of_what_stands_before_it(outbox: Outbox) -> None:
    outbox.add(Checkpoint(1))
    outbox.add(Chunk("x" * (SPLIT + 1)))
    outbox.add(Checkpoint(2))
    outbox.add(Chunk("y"))

    changes = drained(outbox)

    assert [(len(change.delta or ""), change.checkpoint) for change in changes] == [(SPLIT, None), (1, "2"), (1, None)]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=5) | st.integers(1, 9), max_size=12))
def test_each_checkpoint_that_is_sent_stands_behind_the_output_before_it(pieces: list[str | int]) -> None:
    outbox, said, outputs = Outbox(POLICY, COSTS), "", {}
    sent = ""
    for number, piece in enumerate(pieces):
        outbox.add(Chunk(piece) if isinstance(piece, str) else Checkpoint([number, piece]))
        said += piece if isinstance(piece, str) else ""
        if isinstance(piece, int):
            outputs[json.dumps([number, piece], separators=(",", ":"))] = said
        change = outbox.take(now=number / 4)
        sent += (change.delta or "") if change else ""
        if change and change.checkpoint:
            assert sent == outputs[change.checkpoint]
    for change in drained(outbox):
        sent += change.delta or ""
        if change.checkpoint:
            assert sent == outputs[change.checkpoint]
    assert sent == said


def test_a_hand_over_sends_nothing_behind_the_newest_checkpoint(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Chunk("kept"))
    outbox_after_output.add(Checkpoint(1))
    outbox_after_output.add(Chunk("made again"))

    outbox_after_output.cut_back()

    assert drained(outbox_after_output) == [Change(Status.PROCESSING, delta="kept", checkpoint="1")]


def test_a_job_that_ends_sends_no_checkpoint_of_its_own(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Checkpoint(1))

    outbox_after_output.end(Change(Status.FAILED, error="no"))

    assert drained(outbox_after_output) == [Change(Status.FAILED, error="no")]


def test_the_last_output_goes_along_with_the_end(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Chunk("last"))
    outbox_after_output.add(Progress(0.9, "nearly there"))
    outbox_after_output.add(Usage({"outputTokens": 2}))

    outbox_after_output.end(Change(Status.COMPLETED, result="all", usage={"outputTokens": 3}))

    assert drained(outbox_after_output) == [
        Change(
            Status.COMPLETED, result="all", delta="last", progress=0.9, message="nearly there",
            usage={"outputTokens": 3},
        )
    ]  # fmt: skip


def test_output_for_several_updates_ends_with_the_end(outbox_after_output: Outbox) -> None:
    outbox_after_output.add(Chunk("x" * (2 * SPLIT + 1)))

    outbox_after_output.end(Change(Status.COMPLETED, result_is_output=True))

    assert [(change.status, len(change.delta or "")) for change in drained(outbox_after_output)] == [
        (Status.PROCESSING, SPLIT),
        (Status.PROCESSING, SPLIT),
        (Status.COMPLETED, 1),
    ]


def test_output_beside_which_a_long_result_does_not_fit_into_one_request_is_sent_before(
    outbox_after_output: Outbox,
) -> None:
    long = "\x00" * (MAX_RESULT_TEXT // 6 - 100)  # six bytes each as JSON
    outbox_after_output.add(Chunk("last" * 200))

    outbox_after_output.end(Change(Status.COMPLETED, result=long))

    assert [(change.status, change.delta) for change in drained(outbox_after_output)] == [
        (Status.PROCESSING, "last" * 200),
        (Status.COMPLETED, None),
    ]


def test_only_the_first_output_waits_for_the_end(outbox: Outbox) -> None:
    waits = [outbox.waits_with_first_output]
    outbox.add(Chunk("first"))
    waits.append(outbox.waits_with_first_output)

    outbox.take(now=0.0)
    outbox.add(Chunk("second"))
    waits.append(outbox.waits_with_first_output)

    assert waits == [False, True, False]


def test_nothing_waits_for_the_end_of_a_job_that_has_ended(outbox: Outbox) -> None:
    outbox.add(Chunk("first"))

    outbox.end(Change(Status.COMPLETED))

    assert not outbox.waits_with_first_output

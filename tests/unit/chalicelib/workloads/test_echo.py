import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.jobs.errors import OutOfTime
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import WorkloadContext
from chalicelib.workloads.echo import SIZES, echo
from tests.unit.chalicelib.workloads.running import FakeClock, Run, run_to_end

LONG = "fjord \N{MUSICAL SYMBOL G CLEF}\n" * 30_000


def say(prompt: str, *, seconds: float | None = None, deadline: float = 900.0, clock: FakeClock | None = None) -> Run:
    clock = clock or FakeClock()
    request = InferenceRequest(prompt, "simulated.echo", process_time=seconds)
    return run_to_end(echo(request, WorkloadContext(deadline, clock), sleep=clock.sleep), clock)


@given(st.text(st.characters(), min_size=1))
def test_result_and_pieces_are_the_prompt(prompt: str) -> None:
    run = say(prompt)

    assert run.output == run.finished.result == prompt
    assert "" not in run.chunks
    assert run.progress[-1].share == 1.0


def test_pieces_are_of_awkward_sizes_and_the_same_each_time() -> None:
    first, second = say(LONG), say(LONG)

    assert first.chunks == second.chunks
    assert {len(chunk) for chunk in first.chunks[:-1]} <= set(SIZES)
    assert len({len(chunk) for chunk in first.chunks}) > 4


def test_another_prompt_is_cut_elsewhere() -> None:
    assert [len(chunk) for chunk in say(LONG).chunks] != [len(chunk) for chunk in say(LONG[1:] + "!").chunks]


def test_echo_comes_at_once_unless_it_is_given_time() -> None:
    clock, patient = FakeClock(), FakeClock()

    say(LONG, clock=clock)
    run = say(LONG, seconds=60.0, clock=patient)

    assert clock.now == 0.0
    assert patient.now == pytest.approx(60.0)
    assert run.times == sorted(run.times)


def test_echo_stops_at_its_deadline_with_what_it_said_until_then() -> None:
    run = say(LONG, seconds=100.0, deadline=30.0)

    assert isinstance(run.error, OutOfTime)
    assert run.error.seconds == 30.0
    assert 0 < len(run.output) <= len(LONG) * 0.3


def test_usage_counts_characters() -> None:
    assert say("\N{MUSICAL SYMBOL G CLEF}e\u0301").finished.usage == {"inputCharacters": 3, "outputCharacters": 3}

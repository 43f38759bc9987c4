import hashlib
import signal
import subprocess
import sys
from itertools import islice
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.jobs.errors import OutOfTime, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads import WorkloadContext
from chalicelib.workloads.simulated import DEFAULT_SECONDS, DEFAULT_WORDS, MOST_WORDS, Scene, simulate, text
from tests.unit.chalicelib.workloads.running import FakeClock, Run, run_to_end


class Died(Exception):
    """Raised in place of the end of the process."""


def tell(
    scene: Scene,
    *,
    prompt: str = "ships",
    words: int | None = None,
    seconds: float | None = None,
    attempt: int = 1,
    deadline: float = 900.0,
    checkpoint: Json = None,
    clock: FakeClock | None = None,
) -> Run:
    clock = clock or FakeClock()

    def die() -> None:
        raise Died

    request = InferenceRequest(prompt, f"simulated.{scene}", max_tokens=words, process_time=seconds)
    return run_to_end(
        simulate(
            request,
            WorkloadContext(deadline, clock, attempt, checkpoint),
            sleep=clock.sleep,
            sleep_deaf=clock.sleep,
            die=die,
        ),
        clock,
    )


def words_of(text: str) -> int:
    return len(text.split())


def test_story_takes_its_time_and_has_its_words() -> None:
    clock = FakeClock()

    run = tell(Scene.STORY, words=300, seconds=60.0, clock=clock)

    assert words_of(run.result) == 300
    assert clock.now == pytest.approx(60.0)


def test_story_has_a_length_and_a_time_of_its_own() -> None:
    clock = FakeClock()

    run = tell(Scene.STORY, clock=clock)

    assert words_of(run.result) == DEFAULT_WORDS
    assert clock.now == pytest.approx(DEFAULT_SECONDS)


def test_story_is_spread_evenly_over_its_time() -> None:
    run = tell(Scene.STORY, words=100, seconds=10.0)

    assert run.times == pytest.approx([0.1 * number for number in range(1, 101)])


def test_story_reports_how_many_words_are_told() -> None:
    run = tell(Scene.STORY, words=4, seconds=4.0)

    assert [(step.share, step.message) for step in run.progress] == [
        (0.25, "1 of 4 words"),
        (0.5, "2 of 4 words"),
        (0.75, "3 of 4 words"),
        (1.0, "4 of 4 words"),
    ]


@given(
    prompt=st.text(),
    words=st.integers(1, 2000),
    seconds=st.floats(0, 840),
    scene=st.sampled_from([Scene.STORY, Scene.SILENCE, Scene.SLOW_START, Scene.DEAF]),
)
@settings(deadline=None, max_examples=50)
def test_text_depends_on_model_and_prompt_alone(prompt: str, words: int, seconds: float, scene: Scene) -> None:
    paced = tell(scene, prompt=prompt, words=words, seconds=seconds)
    hurried = tell(scene, prompt=prompt, words=words + 7, seconds=0.0)

    assert paced.output == paced.result
    assert hurried.result.startswith(paced.result)
    assert words_of(paced.result) == words


def test_text_is_the_same_in_every_release() -> None:
    story = "".join(islice(text("simulated.story", "ships"), 5000))

    assert hashlib.sha256(story.encode()).hexdigest() == (
        "e5d9f10703d81f569f14499cb266f18769e478ee14f5a16ca0da2d659b4fbc86"
    )


def test_prompts_and_models_have_different_texts() -> None:
    texts = {tell(scene, prompt=prompt).output[:200] for scene in (Scene.STORY, Scene.SILENCE) for prompt in "abc"}

    assert len(texts) == 6


def test_default_text_leaves_ascii_now_and_then() -> None:
    results = [tell(Scene.STORY, prompt=f"prompt {number}").result for number in range(20)]

    assert all(not result.isascii() for result in results)
    assert {len(character.encode()) for result in results for character in result} == {1, 2, 3, 4}


def test_usage_counts_words() -> None:
    run = tell(Scene.STORY, prompt="tell me of ships", words=12)

    assert run.finished.usage == {"inputWords": 4, "outputWords": 12}


def test_long_text_comes_in_pieces_of_a_few_kilobytes() -> None:
    run = tell(Scene.STORY, words=200_000, seconds=0.0)

    assert len(run.output) > 1_000_000
    assert max(map(len, run.chunks)) < 4096


def test_more_words_than_can_be_kept_are_refused() -> None:
    run = tell(Scene.STORY, words=MOST_WORDS + 1)

    assert isinstance(run.error, WorkloadFailed)
    assert str(run.error) == "simulated models generate at most 1000000 words, not 1000001; lower maxTokens"


@given(words=st.integers(1, 60), seconds=st.floats(0, 100), data=st.data())
@settings(deadline=None, max_examples=50)
def test_a_story_goes_on_from_any_checkpoint_as_if_nothing_had_been(
    words: int, seconds: float, data: st.DataObject
) -> None:
    whole = tell(Scene.STORY, words=words, seconds=seconds)
    before, checkpoint = data.draw(st.sampled_from(whole.checkpoints))
    clock = FakeClock()
    state = checkpoint.state
    assert isinstance(state, dict)

    rest = tell(Scene.STORY, words=words, seconds=seconds, attempt=2, checkpoint=state, clock=clock)

    assert before + rest.output == whole.output
    assert rest.finished.result is None, "the output is the result: it is not in this attempt's hands"
    assert rest.finished.usage == whole.finished.usage
    assert clock.now == pytest.approx(seconds - cast("float", state["seconds"]))


def test_a_story_never_goes_long_without_a_checkpoint() -> None:
    run = tell(Scene.STORY, words=2, seconds=100.0)

    assert len(run.checkpoints) >= 100


def test_error_comes_after_half_of_the_text() -> None:
    clock = FakeClock()

    run = tell(Scene.ERROR, words=100, seconds=10.0, clock=clock)

    assert isinstance(run.error, WorkloadFailed)
    assert str(run.error) == "simulated.error failed after 50 of 100 words, as requested"
    assert words_of(run.output) == 50
    assert clock.now == pytest.approx(5.0)


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_crash_comes_at_every_attempt_after_half_of_the_text(attempt: int) -> None:
    run = tell(Scene.CRASH, words=100, attempt=attempt)

    assert isinstance(run.error, Died)
    assert words_of(run.output) == 50


def test_crash_once_crashes_at_the_first_attempt_and_tells_all_at_the_second() -> None:
    first = tell(Scene.CRASH_ONCE, words=101, attempt=1)
    second = tell(Scene.CRASH_ONCE, words=101, attempt=2)

    assert isinstance(first.error, Died)
    assert second.result.startswith(first.output)
    assert words_of(second.result) == 101


@pytest.mark.parametrize("scene", [Scene.SILENCE, Scene.DEAF])
def test_silence_is_one_blocking_call_between_two_halves(scene: Scene) -> None:
    clock = FakeClock()

    run = tell(scene, words=100, seconds=60.0, clock=clock)

    assert clock.sleeps == [60.0]
    assert [
        words_of("".join(c for c, t in zip(run.chunks, run.times, strict=True) if t == when)) for when in (0, 60)
    ] == [
        50,
        50,
    ]


def test_slow_start_yields_nothing_until_its_one_blocking_call_returns() -> None:
    clock = FakeClock()

    run = tell(Scene.SLOW_START, words=100, seconds=60.0, clock=clock)

    assert clock.sleeps == [60.0]
    assert set(run.times) == {60.0}


def test_story_stops_at_its_deadline_with_what_was_told_until_then() -> None:
    clock = FakeClock()

    run = tell(Scene.STORY, words=100, seconds=100.0, deadline=30.5, clock=clock)

    assert isinstance(run.error, OutOfTime)
    assert run.error.seconds == 30.5
    assert (words_of(run.output), clock.now) == (30, 30.5)


def test_silence_sees_its_deadline_after_the_blocking_call() -> None:
    run = tell(Scene.SILENCE, seconds=60.0, deadline=30.0)

    assert isinstance(run.error, OutOfTime)
    assert words_of(run.output) == DEFAULT_WORDS // 2


@given(
    scene=st.sampled_from(Scene),
    prompt=st.text(st.characters()),
    words=st.none() | st.integers(1, 5000),
    seconds=st.none() | st.floats(0, 840),
    attempt=st.integers(1, 3),
    deadline=st.floats(0, 1000),
)
@settings(deadline=None, max_examples=100)
def test_any_request_ends_in_a_result_or_an_announced_failure(
    scene: Scene, prompt: str, words: int | None, seconds: float | None, attempt: int, deadline: float
) -> None:
    run = tell(scene, prompt=prompt, words=words, seconds=seconds, attempt=attempt, deadline=deadline)

    if run.outcome is not None:
        assert run.result == run.output
        assert run.progress[-1].share == 1.0
    else:
        assert isinstance(run.error, OutOfTime | WorkloadFailed | Died)
    run.output.encode()


def test_crash_kills_the_process_that_runs_it() -> None:
    source = (
        "import sys, time\n"
        "from chalicelib.jobs.model import InferenceRequest\n"
        "from chalicelib.workloads import Chunk, WorkloadContext\n"
        "from chalicelib.workloads.registry import load\n"
        "request = InferenceRequest('ships', 'simulated.crash', max_tokens=10, process_time=0.0)\n"
        "for step in load(request.model)(request, WorkloadContext(time.monotonic() + 60)):\n"
        "    if isinstance(step, Chunk): print(step.text, end='', flush=True)\n"
        "print('alive', file=sys.stderr)\n"
    )

    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert (words_of(ended.stdout), ended.stderr) == (5, "")


def test_nothing_interrupts_the_sleep_of_a_deaf_workload() -> None:
    source = (
        "import os, signal, time\n"
        "from chalicelib.workloads.simulated import sleep_through_signals\n"
        "def hear(*_): raise InterruptedError\n"
        "def sleep(seconds):\n"
        "    os.kill(os.getpid(), signal.SIGUSR1)\n"
        "    print('slept', seconds)\n"
        "signal.signal(signal.SIGUSR1, hear)\n"
        "time.sleep = sleep\n"
        "try:\n"
        "    sleep_through_signals(1.5)\n"
        "except InterruptedError:\n"
        "    print('heard')\n"
    )

    shown = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)

    assert shown.stdout == "slept 1.5\nheard\n"

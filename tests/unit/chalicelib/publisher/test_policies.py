"""When each policy sends an update, for whole jobs in virtual time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.billing.budget import AttemptBudget
from chalicelib.billing.cost import publishing_cost
from chalicelib.jobs.model import InferenceRequest
from chalicelib.publisher.coalescing import Outbox
from chalicelib.publisher.policies import Bytes, CostShare, FlushPolicy, Interval
from chalicelib.workloads import Chunk
from tests.unit.chalicelib.workloads.running import FakeClock

CHEAP, DEAR = "amazon.nova-micro-v1:0", "global.anthropic.claude-opus-4-6-v1"


@dataclass
class Sent:
    """One update: its time, the age of its oldest text, and the cost of the job after it."""

    at: float
    age: float
    push_cost: float
    model_cost: float


@dataclass
class Job:
    """A job whose model writes pieces after pauses, each of one token; updates take no time."""

    policy: FlushPolicy
    model: str
    sent: list[Sent] = field(default_factory=list)

    def run(self, pieces: Sequence[tuple[float, str]]) -> list[Sent]:
        clock = FakeClock()
        budget = AttemptBudget(InferenceRequest("", self.model), megabytes=512, clock=clock)
        outbox = Outbox(self.policy, budget)
        waiting: list[float] = []
        for pause, text in pieces:
            end = clock.now + pause
            while outbox.due() <= end:
                clock.now = max(clock.now, outbox.due())
                self._send(outbox, budget, waiting, clock.now)
            clock.now = end
            budget.add(Chunk(text, tokens=1))
            outbox.add(Chunk(text, tokens=1))
            waiting.append(clock.now)
            while outbox.due() <= clock.now:
                self._send(outbox, budget, waiting, clock.now)
        return self.sent

    def _send(self, outbox: Outbox, budget: AttemptBudget, waiting: list[float], now: float) -> None:
        assert outbox.take(now=now) is not None
        budget.send()
        budget.hear(1)
        self.sent.append(Sent(now, now - waiting[0], budget.push_cost, budget.model_cost))
        waiting.clear()


texts = st.lists(st.tuples(st.floats(0.001, 3.0), st.text("abc ", min_size=1, max_size=20)), min_size=1, max_size=120)


@given(texts, st.sampled_from([CHEAP, DEAR]), st.floats(0.01, 1.0), st.floats(0.1, 5.0))
def test_by_cost_every_update_is_paid_for_or_comes_no_sooner_than_staleness(
    pieces: list[tuple[float, str]], model: str, share: float, staleness: float
) -> None:
    sent = Job(CostShare(share, staleness), model).run(pieces)

    for before, update in pairwise(sent):
        is_paid_for = update.push_cost <= share * update.model_cost + 1e-12
        assert is_paid_for or update.at - before.at >= staleness - 1e-9


@pytest.mark.parametrize("policy", [CostShare(0.1, 2.0), Bytes(10_000, 2.0), Interval(2.0)])
@given(pieces=texts, model=st.sampled_from([CHEAP, DEAR]))
def test_text_is_never_staler_than_the_bound(policy: FlushPolicy, pieces: list[tuple[float, str]], model: str) -> None:
    sent = Job(policy, model).run(pieces)

    assert all(update.age <= 2.0 + 1e-9 for update in sent)


def test_by_cost_a_dear_model_pays_for_many_updates_and_a_cheap_one_for_none() -> None:
    tokens = [(0.02, "word ")] * 500

    dear = Job(CostShare(0.1, 2.0), DEAR).run(tokens)
    cheap = Job(CostShare(0.1, 2.0), CHEAP).run(tokens)

    assert len(dear) > 100
    assert dear[-1].push_cost <= 0.1 * dear[-1].model_cost
    assert len(cheap) == 5  # the first piece, and one in every 2 of 10 seconds


def test_by_bytes_an_update_goes_out_when_enough_has_gathered() -> None:
    sent = Job(Bytes(100, 1_000.0), CHEAP).run([(0.1, "x" * 10)] * 31)

    assert [round(update.at, 3) for update in sent] == [0.1, 1.1, 2.1, 3.1]


def test_a_long_text_is_paid_for_by_its_pushes() -> None:
    waiting, price = 50_000, publishing_cost(1, 10)

    class Costs:
        push_cost = 0.0
        model_cost = price * 9.9

    assert CostShare(0.1, 2.0, size=100_000).due(waiting, since=0.0, costs=Costs()) == 2.0

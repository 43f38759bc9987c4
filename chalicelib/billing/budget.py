"""What one attempt at a job has used so far, as its worker sees it, and whether that is all it may. Pure.

What the model says in a `Usage` counts. Until it says something, output is counted by the tokens its chunks are known
to have, or else by their size, and input by its size.
"""

from collections.abc import Callable
from typing import Final

from chalicelib.billing.cost import END_COST, START_COST, model_cost, publishing_cost, worker_cost
from chalicelib.billing.metering import tokens_of
from chalicelib.billing.prices import price_of
from chalicelib.jobs.errors import BudgetExceeded
from chalicelib.jobs.model import InferenceRequest
from chalicelib.jobs.usage import Counts, Meter
from chalicelib.workloads import Chunk, Outcome, Piece, Usage

BYTES_PER_TOKEN: Final = 4  # of UTF-8: what most models make of English prose, and less than of most other text


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def estimated_input(request: InferenceRequest) -> int:
    """About how many tokens a model reads for a request."""
    return estimated_tokens(f"{request.system or ''}{request.text}")


class Spending:
    """Adds up. Each number has one thread that writes it: the workload's, or the publisher's."""

    def __init__(self, request: InferenceRequest, *, megabytes: int, clock: Callable[[], float]) -> None:
        """Nothing is used yet.

        Args:
            request: What is asked for, and at most.
            megabytes: Memory of this worker's function.
            clock: Tells the seconds that the attempt takes from now on.
        """
        self._request = request
        self._megabytes = megabytes
        self._clock = clock
        self._began = clock()
        self._price = price_of(request.model)
        self._used = Counts()  # by the newest usage, else by estimate
        self._output = 0  # tokens since then
        self._declared = 0  # tokens that all chunks say they have
        self._before = START_COST  # US dollars that the job had cost before this attempt
        self._operations = 0
        self._pushes = 0

    # The workload's thread.

    def begin(self, request: InferenceRequest) -> None:
        """A model is about to read the request, as it is now.

        Raises:
            BudgetExceeded: Reading it would cost all that the job may cost.
        """
        self._used = Counts(input_tokens=estimated_input(request))
        self._check()

    def end(self, outcome: Outcome) -> None:
        """The work is done.

        Raises:
            BudgetExceeded: It turned out to have cost all that the job may cost.
        """
        self.add(Usage(outcome.usage))
        self._check()

    def add(self, piece: Piece) -> None:
        """Take in what the workload yielded."""
        match piece:
            case Chunk(text, tokens):
                self._declared += tokens
                self._output += tokens or estimated_tokens(text)
            case Usage(counts):
                said = tokens_of(counts)
                if said.output_tokens or said.input_tokens or said.cached_tokens:
                    self._used, self._output = said, 0

    def _check(self) -> None:
        over = self.exceeded()
        if over is not None:
            raise over

    # The publisher's thread.

    def claim(self, cost: float) -> None:
        """The job is this worker's. Its bill, where it has one, has an earlier attempt and this claim in it."""
        if cost:
            self._before = cost - self.push_cost

    def send(self) -> None:
        """A request goes out."""
        self._operations += 1

    def hear(self, pushes: int) -> None:
        """A request was answered, and one watcher heard of it in so many units."""
        self._pushes += pushes

    # Either.

    @property
    def model_cost(self) -> float:
        """US dollars for tokens, in this attempt."""
        return model_cost(self._tokens, self._price)

    @property
    def push_cost(self) -> float:
        """US dollars for what was published in this attempt."""
        return publishing_cost(self._operations, self._pushes)

    def total(self) -> float:
        """US dollars for the job."""
        time = worker_cost(self._milliseconds, self._megabytes)
        return self._before + self.model_cost + self.push_cost + time

    def exceeded(self) -> BudgetExceeded | None:
        """What to say where the job has reached a limit of its owner's, or would by saying so."""
        most_tokens, most_cost = self._request.max_tokens, self._request.max_cost
        if most_tokens is not None and self._declared > most_tokens:
            return BudgetExceeded.at_tokens(most_tokens)
        if most_cost is not None:
            total = self.total() + publishing_cost(1, 1) + END_COST  # what waits is sent too, and how it ended
            if total >= most_cost:
                return BudgetExceeded.at_cost(most_cost, total)
        return None

    def meter(self) -> Meter:
        """What to report with the next update."""
        tokens = self._tokens
        return Meter(
            self._operations, self._pushes, round(self._milliseconds), self._megabytes,
            tokens.input_tokens, tokens.cached_tokens, tokens.output_tokens,
        )  # fmt: skip

    @property
    def _tokens(self) -> Counts:
        return self._used + Counts(output_tokens=self._output)

    @property
    def _milliseconds(self) -> float:
        return (self._clock() - self._began) * 1000

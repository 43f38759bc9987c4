"""What one attempt at a job has used so far, as its worker sees it, and whether the job's budget allows more. Pure.

The model's own counts in a `Usage` are used. Until there are any, output is counted by the tokens that its chunks
declare, or else by its size, and input by its size. Input counts from the first `Usage` or `Chunk` on: a text that was
never sent to the model, or that the model refused, costs nothing.
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


class AttemptBudget:
    """Adds up what the attempt uses. Each number is written by one thread: the workload's or the publisher's."""

    def __init__(self, request: InferenceRequest, *, megabytes: int, clock: Callable[[], float]) -> None:
        """Begin with nothing used.

        Args:
            request: Has the limits of the job.
            megabytes: Memory of this worker's function.
            clock: Returns the current time in seconds.
        """
        self._request = request
        self._megabytes = megabytes
        self._clock = clock
        self._began = clock()
        self._price = price_of(request.model)
        self._input = Counts()  # estimated size of the text
        self._has_answered = False
        self._used = Counts()  # by the newest usage; without output, before there is one
        self._output = 0  # tokens since then
        self._declared = 0  # tokens that all chunks say they have
        self._before = START_COST  # US dollars that the job had cost before this attempt
        self._operations = 0
        self._pushes = 0

    # The workload's thread.

    def begin(self, request: InferenceRequest) -> None:
        """The request, with uploaded texts in it, is about to be sent to the model.

        Raises:
            BudgetExceeded: Reading the text would bring the job to its `maxCost`.
        """
        self._input = Counts(input_tokens=estimated_input(request))
        most = self._request.max_cost
        needed = self._least_total() + model_cost(self._input, self._price)
        if most is not None and needed >= most:
            raise BudgetExceeded.before_reading(most, needed)

    def end(self, outcome: Outcome) -> None:
        """The work has ended with `outcome`.

        Raises:
            BudgetExceeded: The job has reached its `maxCost` or `maxTokens`.
        """
        self.add(Usage(outcome.usage))
        over = self.exceeded()
        if over is not None:
            raise over

    def add(self, piece: Piece) -> None:
        """Count a piece that the workload yielded."""
        match piece:
            case Chunk(text, tokens):
                self._has_answered = True
                self._declared += tokens
                self._output += tokens or estimated_tokens(text)
            case Usage(counts):
                self._has_answered = True
                said = tokens_of(counts)
                if said.output_tokens or said.input_tokens or said.cached_tokens:
                    self._used, self._output = said, 0

    # The publisher's thread.

    def claim(self, cost: float) -> None:
        """The claim was granted. `cost` is the job's bill so far, with earlier attempts and this claim, or 0."""
        if cost:
            self._before = cost - self.push_cost

    def send(self) -> None:
        """Count a request that is sent."""
        self._operations += 1

    def hear(self, pushes: int) -> None:
        """Count the metered units of a push to one watcher."""
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
        """The error if the job has reached a limit of its owner, or would by reporting it. None otherwise."""
        most_tokens, most_cost = self._request.max_tokens, self._request.max_cost
        if most_tokens is not None and self._declared > most_tokens:
            return BudgetExceeded.at_tokens(most_tokens)
        if most_cost is not None:
            total = self._least_total()
            if total >= most_cost:
                return BudgetExceeded.at_cost(most_cost, total)
        return None

    def meter(self) -> Meter:
        """The counts to report with the next update."""
        tokens = self._tokens
        return Meter(
            self._operations, self._pushes, round(self._milliseconds), self._megabytes,
            tokens.input_tokens, tokens.cached_tokens, tokens.output_tokens,
        )  # fmt: skip

    def _least_total(self) -> float:
        """US dollars for the job if it ends now: output that waits and the final status are still sent."""
        return self.total() + publishing_cost(1, 1) + END_COST

    @property
    def _tokens(self) -> Counts:
        is_counted_by_model = self._used != Counts()
        used = self._input if self._has_answered and not is_counted_by_model else self._used
        return used + Counts(output_tokens=self._output)

    @property
    def _milliseconds(self) -> float:
        return (self._clock() - self._began) * 1000

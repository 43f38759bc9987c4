"""How many invocations may run at a time: of each function with reserved concurrency, and of all others together."""

from collections import Counter

from appsync_local.functions.spec import FunctionSpec
from appsync_local.functions.worker_process import InvocationType


class Slots:
    """The slots of all functions.

    Functions without reserved concurrency share `concurrency` slots. Events may take at most half of them, and calls
    that somebody waits for at most seven eighths, so that neither can keep the other from running.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._limits = {
            InvocationType.EVENT: max(1, concurrency // 2),
            InvocationType.REQUEST_RESPONSE: concurrency - concurrency // 8,
        }
        self._reserved: Counter[str] = Counter()
        self._shared: Counter[InvocationType] = Counter()

    def is_free(self, function: FunctionSpec, kind: InvocationType) -> bool:
        if function.reserved_concurrency is not None:
            return self._reserved[function.name] < function.reserved_concurrency
        return self._shared[kind] < self._limits[kind] and self._shared.total() < self._concurrency

    def take(self, function: FunctionSpec, kind: InvocationType) -> None:
        self._change(function, kind, 1)

    def leave(self, function: FunctionSpec, kind: InvocationType) -> None:
        self._change(function, kind, -1)

    def _change(self, function: FunctionSpec, kind: InvocationType, number: int) -> None:
        if function.reserved_concurrency is None:
            self._shared[kind] += number
        else:
            self._reserved[function.name] += number

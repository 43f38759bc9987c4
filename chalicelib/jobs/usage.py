"""Records of what a job has used. Every record of the log carries them. Pure.

A worker reports its own use (`Meter`). The relay adds the use of its own calls and stores the sum (`Counts`), so that
the final bill covers all attempts.
"""

from operator import add
from typing import Final, Self

from msgspec import Struct
from msgspec.structs import astuple


class Meter(Struct, frozen=True):
    """What one attempt has used so far. Its worker sends it with each update, and does not count that update."""

    operations: int  # requests sent to the API, answered or not
    pushes: int  # metered units of the events pushed for these requests
    milliseconds: int  # since its invocation began
    megabytes: int  # memory that its function has
    input_tokens: int
    cached_tokens: int
    output_tokens: int


class Counts(Struct, frozen=True):
    """What a job has used so far, over all attempts. The values are integers, so sums are exact."""

    operations: int = 0  # mutations: the start, updates, the cancel; each is also an invocation of the relay
    pushes: int = 0  # real-time updates to one watcher, each 5 KB counting as one
    invocations: int = 0  # of workers
    worker_time: int = 0  # megabyte-milliseconds
    writes: int = 0  # write units of the job log
    reads: int = 0  # read units of the job log
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    object_writes: int = 0  # requests to the bucket that put or copy
    object_reads: int = 0  # requests to it that get

    def __add__(self, other: Self) -> Self:
        return type(self)(*map(add, astuple(self), astuple(other)))

    def dump(self) -> list[int]:
        """The values in the order of the fields. Each record of the log has two of these lists, so they are short."""
        return [*astuple(self)]

    @classmethod
    def load(cls, values: list[int]) -> Self:
        """The counts that `dump` wrote, also by a version that counted fewer or more things."""
        return cls(*values[: len(cls.__struct_fields__)])


NOTHING: Final = Counts()

"""What the worker reads from its environment."""

from collections.abc import Mapping

from msgspec import Struct

from chalicelib.jobs.timing import FOR_WORKER, contradictions, variable
from chalicelib.publisher.policies import FlushPolicy
from chalicelib.publisher.settings import flush_policy
from chalicelib.settings import Reader


class WorkerSettings(Struct, frozen=True):
    """What `inference` needs: how often a job reports, and the memory that is billed."""

    flush_policy: FlushPolicy  # when gathered output is sent
    heartbeat: float  # seconds without an update after which the worker sends an empty one
    megabytes: int  # memory of the function

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "WorkerSettings":
        """Raises: MissingSettings: Variables are missing, invalid or contradict each other; the message lists all."""
        reader = Reader(environment)
        heartbeat = reader.number("LONGCALL_HEARTBEAT_SECONDS", 1.0, least=0.05)
        lease = reader.number("LONGCALL_LEASE_SECONDS", 30.0, least=3.0)
        times = {"heartbeat_seconds": heartbeat, "lease_seconds": lease}
        reader.refuse(contradictions(FOR_WORKER, times, variable))
        settings = cls(
            flush_policy=flush_policy(reader),
            heartbeat=heartbeat,
            megabytes=reader.count("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 512, least=1),  # set by Lambda
        )
        reader.check()
        return settings

"""What a mutant is: a small break of the product, and the small campaign that finds it."""

from dataclasses import dataclass
from enum import StrEnum

from certify.counts import Violation
from certify.plan import Campaign, Store
from certify.product import Edit
from certify.scenarios import Kind


class Layer(StrEnum):
    """Where a mutant breaks the product."""

    RESOLVERS = "resolvers"  # schema and filters
    RELAY = "relay"
    RULES = "rules"
    LEDGER = "ledger"
    OBJECTS = "objects"
    BILLING = "billing"
    WORKER = "worker"
    SUPERVISION = "supervision"
    CLIENT = "client"
    TYPESCRIPT_CLIENT = "TypeScript client"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One break.

    Attributes:
        name: What is missing or wrong, unique.
        layer: Where it is.
        count: The count that must be above zero.
        or_else: Other counts that also prove the break. A race decides which count is found first, and the run stops
            there.
        edits: What is replaced. Most mutants have one edit; more if another layer would make up for the first, or to
            make a race likely.
        kinds: The kinds of jobs that are affected by the break.
        faults: Faults of the engine that are needed to see its effect.
        jobs: Number of jobs.
        events: Least number of log entries of a job.
        patience: Seconds after which a job counts as stuck.
        store: The ledger.
    """

    name: str
    layer: Layer
    count: Violation
    edits: tuple[Edit, ...]
    kinds: tuple[Kind, ...]
    faults: str = ""
    jobs: int = 4
    events: int = 8
    patience: float = 90.0
    store: Store = Store.SQLITE
    or_else: tuple[Violation, ...] = ()

    @property
    def runs_typescript(self) -> bool:
        """Whether the break is in the TypeScript client, so that watchers must run it."""
        return self.layer is Layer.TYPESCRIPT_CLIENT

    @property
    def campaign(self) -> Campaign:
        """A small campaign that finds the break."""
        return Campaign(
            store=self.store, seed=1, jobs=self.jobs, events=self.events, lanes=4, owners=2, processes=1,
            faults=self.faults, kinds=self.kinds, timeout=8, patience=self.patience,
        )  # fmt: skip

"""What happens, all of it from the seed: which jobs, how their clients behave, and what is killed when. Pure."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from random import Random
from typing import Final

from chalicelib.workloads.simulated import Scene
from longcall import Message, Role

PACE: Final = 0.15  # seconds between two updates of a job
SLACK: Final = 1.5  # a job gets time for more events than it must have: a busy machine makes fewer of them
LONGEST: Final = 840.0  # seconds that a simulated model may take
MOST_EVENTS: Final = int(LONGEST / (PACE * SLACK))
SHORTEST: Final = 2.0  # seconds of work; less leaves too little to interrupt
UPLOADED: Final = 200_000  # bytes of a prompt that is too large for a request
RESERVE: Final = 5.0  # seconds of an invocation that a worker keeps back; see `chalicelib.worker.runner`

CHAOS: Final = (
    "drop=0.3,duplicate=0.1,reorder=0.2,delay=50ms,after_start_ack=0.1,disconnect=0.02,"
    "crash=0.05,twice=0.1,throttle=0.1,lost_answer=0.05,5xx=0.05"
)


class Store(StrEnum):
    """The ledger of a campaign."""

    SQLITE = "sqlite"
    DYNAMODB = "dynamodb"


class Victim(StrEnum):
    """The target of an injection."""

    WORKER = "worker_killed"  # any process that handles events
    RELAY = "relay_killed"  # the process that writes the log
    STACK = "stack_killed"  # the whole stack; it is started again
    DEPLOYMENT = "deployed"  # not killed: the handlers are replaced by their next version
    ROLLBACK = "rolled_back"  # not killed: the handlers are replaced by the version before


class Form(StrEnum):
    """How the text of a job is sent."""

    PROMPT = "prompt"
    UPLOAD = "upload"  # a prompt that is too large for a request
    CONVERSATION = "conversation"


class Origin(StrEnum):
    """How a job begins."""

    STARTED = "started"  # by its client
    CUT_OFF = "start_cut_off"  # the relay wrote the first record and died before it dispatched the job
    ORPHANED = "worker_vanished"  # a worker claimed the job and died, and nobody reported it
    EXPIRING = "expiring"  # the whole log is there, and expires while clients look at it


@dataclass(frozen=True, slots=True)
class Campaign:
    """One run over one ledger.

    Attributes:
        events: Minimum number of log entries of a job without faults.
        lanes: Clients, each with its own connection and one job at a time.
        owners: Users that the clients are spread over, evenly.
        processes: Processes that the clients are spread over.
        stack_kills, worker_kills, relay_kills: Number of kills of each kind.
        deployments: How often the handlers are replaced by their next version, and replaced back.
        faults: Those of the engine, without the seed.
        kinds: The kinds of its jobs, in turn; empty: all kinds, drawn from the seed.
        timeout: Seconds of an invocation.
        patience: Seconds after which a job that has not ended counts as stuck.
    """

    store: Store
    seed: int
    jobs: int
    events: int
    lanes: int
    owners: int
    processes: int
    stack_kills: int = 0
    worker_kills: int = 0
    relay_kills: int = 0
    deployments: int = 0
    faults: str = CHAOS
    kinds: tuple[str, ...] = ()
    timeout: int = 40
    patience: float = 120.0

    @property
    def quota(self) -> int:
        return self.lanes // self.owners

    @property
    def process_time(self) -> float:
        """Seconds that a job's work takes."""
        return round(max(SHORTEST, self.events * PACE * SLACK), 3)

    @property
    def long_time(self) -> float:
        """Seconds of work that does not fit into one invocation."""
        return self.timeout - min(RESERVE, self.timeout / 4) + 4.0

    @property
    def chaos(self) -> str:
        return f"{self.faults},seed={self.seed}" if self.faults else ""

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> "Campaign":
        values = json.loads(text)
        return cls(**{**values, "store": Store(values["store"]), "kinds": tuple(values["kinds"])})


@dataclass(frozen=True)
class JobPlan:
    """One job, and what its clients do.

    Attributes:
        owner: Number of the user.
        starts: Number of starts that are sent at once.
        is_started_late: It is started once more when it has ended.
        has_other_input: Its id is started once more with other input.
        cancel_from: The sequence at which its owner cancels it.
        is_cancelled_late: It is cancelled when it has ended.
        detach_from: The sequence at which the client detaches, to return at once.
        joins: For each further watcher, the sequence at which it joins; 0: at once.
        has_late_watcher: One more watcher comes when the job has ended.
        has_short_token: One more watcher has tokens that expire while it watches.
        is_recorded: What arrives at a watcher is recorded.
        is_deleted: It is deleted when it has ended.
        is_eavesdropped: Another owner tries to see it.
        is_impersonated: Updates arrive that its worker did not send.
    """

    number: int
    job_id: str
    owner: int
    process_time: float
    seed: int
    scene: Scene = Scene.STORY
    words: int = 100
    form: Form = Form.PROMPT
    origin: Origin = Origin.STARTED
    starts: int = 1
    is_started_late: bool = False
    has_other_input: bool = False
    cancel_from: int | None = None
    is_cancelled_late: bool = False
    detach_from: int | None = None
    joins: tuple[int, ...] = ()
    has_late_watcher: bool = False
    has_short_token: bool = False
    is_recorded: bool = False
    is_deleted: bool = False
    is_eavesdropped: bool = False
    is_impersonated: bool = False

    @property
    def model(self) -> str:
        return f"simulated.{self.scene}"

    @property
    def all_joins(self) -> tuple[int, ...]:
        """`joins`, with the watchers that have short tokens or are recorded: they join at once."""
        return (0,) * (self.has_short_token or self.is_recorded) + self.joins

    def may_be_typescript(self, watcher: int) -> bool:
        """Whether a further watcher runs the TypeScript client, if Node is installed: every second one that is not
        recorded.
        """
        return not self.is_recorded and (self.number + watcher) % 2 == 1

    @property
    def secret(self) -> str:
        """A text that nothing but the job's input contains."""
        return f"secret-{hashlib.sha256(self.job_id.encode()).hexdigest()[:24]}"

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The text as a conversation; empty for another form."""
        if self.form is not Form.CONVERSATION:
            return ()
        return (
            Message(Role.USER, f"Message {self.number}: {self.secret}"),
            Message(Role.ASSISTANT, "Löst, 届かない, 🌊?"),
            Message(Role.USER, f"Seed {self.seed}: go on."),
        )

    @cached_property
    def prompt(self) -> str:
        """The text that the workload gets."""
        if self.messages:
            return "\n\n".join(message.text for message in self.messages)
        line = f"Message {self.number} of seed {self.seed}, {self.secret}: löst, 届かない, 🌊\n"
        return line * (UPLOADED // len(line.encode()) + 1) if self.form is Form.UPLOAD else line


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault: `pause` seconds after `share` of all jobs have ended; `draw`, from 0 to 1, chooses among many."""

    share: float
    pause: float
    draw: float
    victim: Victim


def campaigns(*, jobs: int, events: int, seed: int) -> tuple[Campaign, ...]:
    """The large run over SQLite and the smaller one over DynamoDB; `jobs` is divided between them."""
    few = min(200, max(1, jobs // 15))
    most = jobs - few
    lanes = min(52, max(4, most // 20 * 4))
    process_time = max(SHORTEST, events * PACE * SLACK)
    timeout, patience = int(36 + 2 * process_time), 120.0 + 8 * process_time
    sqlite = Campaign(
        store=Store.SQLITE, seed=seed, jobs=most, events=events,
        lanes=lanes, owners=lanes // 4, processes=max(2, lanes // 16),
        stack_kills=min(8, 1 + most // 1_500), worker_kills=max(4, most // 50), relay_kills=max(3, most // 100),
        deployments=1, timeout=timeout, patience=patience,
    )  # fmt: skip
    dynamodb = Campaign(
        store=Store.DYNAMODB, seed=seed, jobs=few, events=events,
        lanes=6, owners=2, processes=1, stack_kills=few // 100, worker_kills=max(1, few // 10),
        timeout=timeout, patience=patience,
    )  # fmt: skip
    return (sqlite, dynamodb) if most else (dynamodb,)


def injections(campaign: Campaign) -> list[Injection]:
    """All kills and deployments, in order."""
    random = Random(f"{campaign.seed} {campaign.store} kills")  # noqa: S311  # reproducible on purpose
    victims = (
        [Victim.STACK] * campaign.stack_kills
        + [Victim.WORKER] * campaign.worker_kills
        + [Victim.RELAY] * campaign.relay_kills
    )
    found = [Injection(random.uniform(0.02, 0.9), random.uniform(0.0, 0.5), random.random(), one) for one in victims]
    for number in range(campaign.deployments):
        each = 0.9 / campaign.deployments
        found.append(Injection((number + 0.3) * each, 0.0, 0.0, Victim.DEPLOYMENT))
        found.append(Injection((number + 0.7) * each, 0.0, 0.0, Victim.ROLLBACK))
    return sorted(found, key=lambda injection: injection.share)

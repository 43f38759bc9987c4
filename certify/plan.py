"""What happens, all of it from the seed: which jobs, how their clients behave, and what is killed when. Pure."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from random import Random
from typing import Final
from uuid import UUID

from chalicelib.workloads.simulated import Scene

PACE: Final = 0.15  # seconds between two updates of a job
SLACK: Final = 1.3  # a job gets time for more events than it must have: a busy machine makes fewer of them
LONGEST: Final = 840.0  # seconds that a simulated model may take
MOST_EVENTS: Final = int(LONGEST / (PACE * SLACK))
SHORTEST: Final = 2.0  # seconds of work; less leaves too little to interrupt
WORDS: Final = 150
MANY_WORDS: Final = 30_000  # a result of about 180 KB, which is too large for a push
SCENES: Final = {  # how often, out of 100
    Scene.STORY: 84,
    Scene.CRASH_ONCE: 5,
    Scene.ERROR: 3,
    Scene.SILENCE: 3,
    Scene.SLOW_START: 3,
    Scene.CRASH: 1,
    Scene.DEAF: 1,
}
MANY_WORDS_RATE: Final = 0.005
REPEATED_RATE: Final = 0.2  # of jobs whose client sends the start several times at once
LATE_START_RATE: Final = 0.05  # of jobs whose client sends the start once more when they have ended
CANCEL_RATE: Final = 0.04
DETACH_RATE: Final = 0.1  # of jobs whose client goes away and comes back
EAVESDROP_RATE: Final = 0.05  # of jobs that another owner tries to see
AT_LEAST: Final = 30  # jobs; a run with at least so many has at least one of each kind above

CHAOS: Final = (
    "drop=0.3,duplicate=0.1,reorder=0.2,delay=50ms,after_start_ack=0.1,disconnect=0.02,"
    "crash=0.05,twice=0.1,throttle=0.1,lost_answer=0.05,5xx=0.05"
)


class Store(StrEnum):
    """The ledger of a campaign."""

    SQLITE = "sqlite"
    DYNAMODB = "dynamodb"


class Victim(StrEnum):
    """The target of a SIGKILL."""

    WORKER = "worker_killed"  # any process that handles events
    RELAY = "relay_killed"  # the process that writes the log
    STACK = "stack_killed"  # the whole stack; it is started again


@dataclass(frozen=True, slots=True)
class Campaign:
    """One run over one ledger.

    Attributes:
        events: Minimum number of log entries of a job without faults.
        lanes: Clients, each with its own connection and one job at a time.
        owners: Users that the clients are spread over, evenly.
        processes: Processes that the clients are spread over.
        stack_kills, worker_kills, relay_kills: Number of kills of each kind.
    """

    store: Store
    seed: int
    jobs: int
    events: int
    lanes: int
    owners: int
    processes: int
    stack_kills: int
    worker_kills: int
    relay_kills: int

    @property
    def quota(self) -> int:
        return self.lanes // self.owners

    @property
    def process_time(self) -> float:
        """Seconds that a job's work takes."""
        return round(max(SHORTEST, self.events * PACE * SLACK), 3)

    @property
    def limit(self) -> float:
        """Seconds after which a job that has not ended counts as stuck."""
        return 240.0 + self.jobs * (2 * self.process_time + 20.0) / self.lanes

    @property
    def chaos(self) -> str:
        return f"{CHAOS},seed={self.seed}"

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> "Campaign":
        values = json.loads(text)
        return cls(**{**values, "store": Store(values["store"])})


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job, and what its client does.

    Attributes:
        owner: Number of the user.
        starts: Number of starts that are sent at once.
        cancel_from: The sequence at which its owner cancels it.
        detach_from: The sequence at which the client detaches, to return at once.
    """

    number: int
    job_id: str
    owner: int
    scene: Scene
    prompt: str
    words: int
    process_time: float
    starts: int
    is_started_late: bool
    cancel_from: int | None
    detach_from: int | None
    is_eavesdropped: bool

    @property
    def model(self) -> str:
        return f"simulated.{self.scene}"


@dataclass(frozen=True, slots=True)
class Injection:
    """One kill: `pause` seconds after `share` of all jobs have ended; `draw`, from 0 to 1, chooses among many."""

    share: float
    pause: float
    draw: float
    victim: Victim


def campaigns(*, jobs: int, events: int, seed: int) -> tuple[Campaign, ...]:
    """The large run over SQLite and the smaller one over DynamoDB; `jobs` is divided between them."""
    few = min(200, max(1, jobs // 15))
    most = jobs - few
    lanes = min(48, max(4, most // 20 * 4))
    sqlite = Campaign(
        store=Store.SQLITE, seed=seed, jobs=most, events=events,
        lanes=lanes, owners=lanes // 4, processes=max(2, lanes // 16),
        stack_kills=min(8, 1 + most // 1_500), worker_kills=max(4, most // 50), relay_kills=max(3, most // 100),
    )  # fmt: skip
    dynamodb = Campaign(
        store=Store.DYNAMODB, seed=seed, jobs=few, events=events,
        lanes=6, owners=2, processes=1, stack_kills=few // 100, worker_kills=max(1, few // 10), relay_kills=0,
    )  # fmt: skip
    return (sqlite, dynamodb) if most else (dynamodb,)


def job_plans(campaign: Campaign) -> Iterator[JobPlan]:
    """All jobs; job n belongs to lane n modulo the number of lanes."""
    return (job_plan(campaign, number) for number in range(campaign.jobs))


def job_plan(campaign: Campaign, number: int) -> JobPlan:
    """Job n, independent of the other jobs."""
    random = Random(f"{campaign.seed} {campaign.store} job {number}")  # noqa: S311  # reproducible on purpose
    job_id = str(UUID(int=random.getrandbits(128), version=4))
    scene = random.choices(list(SCENES), list(SCENES.values()))[0]
    draws = [random.random() for _ in range(6)]
    is_early = number < AT_LEAST
    if is_early:  # a short run must have every kind too
        scene = list(SCENES)[number // 5 + 1] if number % 5 == 4 else Scene.STORY
    repeated = draws[0] < REPEATED_RATE or (is_early and number % 5 == 0)
    return JobPlan(
        number=number,
        job_id=job_id,
        owner=number % campaign.lanes % campaign.owners,
        scene=scene,
        prompt=f"OnProgress of the {number}th message, seed {campaign.seed}: löst, 届かない, 🌊",
        words=MANY_WORDS if scene is Scene.STORY and (draws[1] < MANY_WORDS_RATE or number == 3) else WORDS,
        process_time=campaign.process_time,
        starts=random.randint(2, 4) if repeated else 1,
        is_started_late=draws[2] < LATE_START_RATE or number == 2,
        cancel_from=random.randint(1, campaign.events) if draws[3] < CANCEL_RATE or number == 6 else None,
        detach_from=random.randint(1, campaign.events) if draws[4] < DETACH_RATE or number == 7 else None,
        is_eavesdropped=draws[5] < EAVESDROP_RATE or number == 1,
    )


def lane_of(campaign: Campaign, lane: int) -> Iterator[JobPlan]:
    """The jobs of one client, in order."""
    return (job_plan(campaign, number) for number in range(lane, campaign.jobs, campaign.lanes))


def injections(campaign: Campaign) -> list[Injection]:
    """All kills, in order."""
    random = Random(f"{campaign.seed} {campaign.store} kills")  # noqa: S311  # reproducible on purpose
    victims = (
        [Victim.STACK] * campaign.stack_kills
        + [Victim.WORKER] * campaign.worker_kills
        + [Victim.RELAY] * campaign.relay_kills
    )
    kills = [Injection(random.uniform(0.02, 0.9), random.uniform(0.0, 0.5), random.random(), one) for one in victims]
    return sorted(kills, key=lambda kill: kill.share)

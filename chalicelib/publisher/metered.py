"""A channel that counts what a worker sends, for the bill."""

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.billing.budget import AttemptBudget
from chalicelib.jobs.model import DispatchNext, Redispatch, StatusUpdate, WorkerUpdate
from chalicelib.publisher.appsync import Channel
from chalicelib.publisher.fencing import UpdateAnswer


class Metered(Struct, frozen=True):
    """Counts the requests and pushes, and adds the counts so far to each update."""

    channel: Channel
    budget: AttemptBudget

    async def send(self, update: StatusUpdate | Redispatch | DispatchNext) -> UpdateAnswer:
        if isinstance(update, WorkerUpdate):
            update = replace(update, meter=self.budget.meter())
        self.budget.send()
        answer = await self.channel.send(update)
        self.budget.hear(answer.pushes)
        if answer.announced:
            self.budget.send()
            self.budget.hear(answer.announced)
        return answer

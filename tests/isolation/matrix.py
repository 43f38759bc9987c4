"""Asks every question as every caller about a job in every state, and lists what nobody may see or do."""

import json
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.isolation.forgeries import CANCELS, STARTS
from tests.isolation.questions import JOB_ID, Question, questions, secret_fields, subscriptions
from tests.isolation.world import ADA, CHECKPOINT, GRACE, SECRET, Answer, Identity, Kind, State, World, start_input
from tests.support.engine_clients import Realtime, connected

SPECIAL: Final[Mapping[str, Mapping[str, Any]]] = {
    "Mutation.createUpload": {"input": {"bytes": 1, "sha256": "0" * 64}},
    # The same input as the owner's: then only the owner differs.
    "Mutation.startInference": {"input": start_input(JOB_ID)},
    "Mutation.updateStatus": {"input": {"jobId": JOB_ID, "status": "FAILED", "error": "ended", "updateId": "x-1"}},
}
# A caller who names the id of an existing job here learns only that it is taken.
TAKES_AN_ID: Final = frozenset({"Mutation.startInference"})
# Enough to find a break of the product: those without credentials never get as far as what can break.
FEW_STATES: Final = (State.PROCESSING, State.COMPLETED, State.DELETED)
FEW_KINDS: Final = (Kind.OWNER, Kind.FOREIGN, Kind.BACKEND)
REFUSED: Final = frozenset({"Unauthorized", "UnauthorizedException", "AccessDeniedException"})


@dataclass(frozen=True)
class Violation:
    """Something that must not be."""

    who: str
    what: str
    state: str
    found: str

    def __str__(self) -> str:
        return f"{self.what} as {self.who}, job {self.state}: {self.found}"


@dataclass
class Matrix:
    """One run of the matrix.

    Attributes:
        world: The API that is asked.
        graphql: The folder with the schema as it should be: it says what is whose.
        states: The states that jobs are in.
        kinds: The kinds of callers who ask.
        enough: Violations after which no further question is asked.
        cells: Number of questions that were asked.
        violations: What was found.
    """

    world: World
    graphql: Path
    states: Collection[State] = tuple(State)
    kinds: Collection[Kind] = tuple(Kind)
    enough: int = 1_000
    cells: int = 0
    violations: list[Violation] = field(default_factory=list)

    async def run(self) -> list[Violation]:
        """Ask everything.

        Returns:
            What was found; empty if nobody sees or does what is not theirs.
        """
        identities = [it for it in self.world.identities() if it.kind in self.kinds]
        jobs = {state: self.world.job(state) for state in self.states}
        asked = questions(self.graphql, SPECIAL)
        for question in asked:
            for identity in identities:
                if identity.kind in (Kind.OWNER, Kind.BACKEND):
                    await self._control(question, identity)
                else:
                    await self._probe(question, identity, jobs)
                if len(self.violations) >= self.enough:
                    return self.violations
        for question in secret_fields(self.graphql):
            for identity in (it for it in identities if it.kind is Kind.OWNER):
                await self._secret(question, identity)
        for question in subscriptions(self.graphql):
            await self._subscribe(question, identities)
            await self._forge(question, identities)
        return self.violations

    async def _probe(self, question: Question, identity: Identity, jobs: Mapping[State, str]) -> None:
        """Ask as somebody who owns none of the jobs: the answers must be those about a job that does not exist."""
        absent = self.world.job(State.ABSENT)
        expected = (await self._ask(question, identity, absent)).text.replace(absent, JOB_ID)
        for state, job_id in jobs.items():
            if state is State.ABSENT and question.field in TAKES_AN_ID:
                continue  # it starts a job of the caller's own
            before = self.world.log(job_id)
            answer = await self._ask(question, identity, job_id)
            report = self._reporter(identity, question, state)
            if self.world.log(job_id) != before:
                report("the job was changed")
            if SECRET in answer.text or CHECKPOINT in answer.text:
                report(f"a text of the job was answered: {answer.text[:300]}")
            if identity.kind is not Kind.FOREIGN or question.is_backends:
                if not _is_refused(answer, identity):
                    report(f"was not refused: {answer.text[:300]}")
            elif question.field in TAKES_AN_ID:
                if answer.error_types != ["JobIdTaken"]:
                    report(f"expected JobIdTaken: {answer.text[:300]}")
            elif question.names_a_job:
                if answer.text.replace(job_id, JOB_ID) != expected:
                    report(f"differs from the answer about a job that does not exist: {answer.text[:300]}")
            elif job_id in answer.text:
                report(f"the job's id was answered: {answer.text[:300]}")

    async def _control(self, question: Question, identity: Identity) -> None:
        """Ask as somebody who may: it must work in some state, or a refusal for all would look like isolation."""
        may = question.is_backends == (identity.kind is Kind.BACKEND)
        works = False
        for state in self.states:
            job_id = self.world.job(state)
            before = self.world.log(job_id)
            answer = await self._ask(question, identity, job_id)
            report = self._reporter(identity, question, state)
            works = works or (bool(answer.data) and not answer.error_types)
            if not may and not _is_refused(answer, identity):
                report(f"was not refused: {answer.text[:300]}")
            if not may and self.world.log(job_id) != before:
                report("the job was changed")
            if identity.kind is Kind.OWNER and CHECKPOINT in answer.text:
                report("the checkpoint was answered")
            if (
                state is State.DELETED
                and question.field.startswith("Query.")
                and f'"{job_id}"' in json.dumps(answer.data)
            ):
                report("a deleted job was answered")
        if may and not works:
            self._reporter(identity, question, None)("does not work for anybody: the matrix would show nothing")

    async def _secret(self, question: Question, identity: Identity) -> None:
        answer = await self._ask(question, identity, self.world.job(State.PROCESSING))
        if not REFUSED & set(answer.error_types):
            self._reporter(identity, question, State.PROCESSING)(f"was not refused: {answer.text[:300]}")

    async def _subscribe(self, question: Question, identities: list[Identity]) -> None:
        """Subscribe as everybody to Ada's job and to an own one, end several jobs, and check what is heard.

        A connection delivers in order: when the last event has arrived, every earlier one has too.
        """
        backend = next(it for it in identities if it.kind is Kind.BACKEND)
        for identity in identities:
            if identity.kind in (Kind.UNKNOWN, Kind.POWERLESS):
                continue  # they cannot connect; the tests of the engine show it
            report = self._reporter(identity, question, State.PROCESSING)
            adas, adas_other = self.world.job(State.PROCESSING), self.world.job(State.PROCESSING)
            graces = self.world.job(State.PROCESSING, owner=GRACE)
            own, foreign = (adas, graces) if identity.kind is Kind.OWNER else (graces, adas)
            connecting = identity.headers(f"{self.world.engine.graphql_url}/connect", "{}")
            async with connected(
                self.world.engine, self.world.session, {"host": self.world.host, **connecting}
            ) as socket:
                answers = [await self._start(socket, question, identity, job_id) for job_id in (foreign, own)]
                self.cells += 2
                if identity.kind is Kind.BACKEND:
                    if any(it["type"] != "error" for it in answers):
                        report(f"was not refused: {answers}")
                elif any(it["type"] != "start_ack" for it in answers):
                    report(f"cannot subscribe: {answers}")
                else:
                    heard = await self._hear(socket, backend, ended=(adas_other, foreign, own))
                    if foreign in heard:
                        report("an event of another user's job was heard")
                    if question.names_a_job and adas_other in heard:
                        report("an event of a job was heard that was not subscribed to")
                    if not question.names_a_job and (adas_other in heard) != (identity.kind is Kind.OWNER):
                        report("an event of another job was heard or not heard by mistake")

    async def _forge(self, question: Question, identities: list[Identity]) -> None:
        """Start and cancel jobs as another user under Ada's own id, with aliases; Ada must not hear of them."""
        backend = next(it for it in identities if it.kind is Kind.BACKEND)
        ada = next(it for it in identities if it.kind is Kind.OWNER)
        own = self.world.job(State.PROCESSING)
        connecting = ada.headers(f"{self.world.engine.graphql_url}/connect", "{}")
        async with connected(self.world.engine, self.world.session, {"host": self.world.host, **connecting}) as socket:
            answers = [await self._start(socket, question, ada, job_id) for job_id in (ADA, own)]
            if any(it["type"] != "start_ack" for it in answers):
                self._reporter(ada, question, None)(f"cannot subscribe: {answers}")
                return
            for forger in (it for it in identities if it.kind is Kind.FOREIGN):
                report = self._reporter(forger, question, None)
                for text in (*STARTS, *CANCELS):
                    variables = {"input": start_input(ADA)} if text in STARTS else {"jobId": ADA}
                    answer = await self.world.ask(forger, text, variables)
                    self.cells += 1
                    if answer.error_types:
                        report(f"cannot be tried: {answer.text[:300]}")
            if ADA in await self._hear(socket, backend, ended=(own,)):
                report("an event with a forged owner was heard")

    async def _start(self, socket: Realtime, question: Question, identity: Identity, job_id: str) -> Mapping[str, Any]:
        data = json.dumps({"query": question.text, "variables": question.about(job_id)})
        headers = identity.headers(self.world.engine.graphql_url, data)
        await socket.start_text(job_id, data, {"host": self.world.host, **headers})
        answer: Mapping[str, Any] = await socket.receive()
        return answer

    async def _hear(self, socket: Realtime, backend: Identity, *, ended: tuple[str, ...]) -> set[str]:
        """End jobs in this order; return the jobs of all events that arrive until the end of the last one."""
        update = next(it for it in questions(self.graphql, SPECIAL) if it.field == "Mutation.updateStatus")
        last = str(uuid.uuid4())
        for job_id in ended:
            result = last if job_id == ended[-1] else SECRET
            answer = await self.world.ask(backend, update.text, {"input": self.world.end(job_id, result)})
            if answer.error_types:
                self.violations.append(Violation(backend.name, update.field, "processing", answer.text[:300]))
                return {ended[-1]}
        heard = set()
        while True:
            frame = await socket.receive()
            (event,) = frame["payload"]["data"].values()
            heard.add(event["jobId"])
            if event["result"] == last:
                return heard

    async def _ask(self, question: Question, identity: Identity, job_id: str) -> Answer:
        self.cells += 1
        return await self.world.ask(identity, question.text, question.about(job_id))

    def _reporter(self, identity: Identity, question: Question, state: State | None) -> Callable[[str], None]:
        name = "in every state" if state is None else state.value

        def report(found: str) -> None:
            self.violations.append(Violation(identity.name, question.field, name, found))

        return report


def _is_refused(answer: Answer, identity: Identity) -> bool:
    if identity.kind is Kind.UNKNOWN:
        return answer.status in (401, 403) and answer.data is None  # 403: a wrong signature
    values = (answer.data or {}).values()
    return bool(answer.error_types) and REFUSED.issuperset(answer.error_types) and not any(values)

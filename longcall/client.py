"""The client: starts, follows, reads, cancels and deletes jobs."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self, Unpack
from weakref import WeakSet

from longcall.addresses import check_graphql_url, check_realtime_url, realtime_url_of
from longcall.authorization import Authorization
from longcall.errors import ClientClosed, ConfigurationError, InvalidInput, JobNotFound, RequestRejected
from longcall.gaps import Heal
from longcall.job_list import JobList
from longcall.list_watch import ListWatch
from longcall.listening import Link
from longcall.models import Cost, Event, JobId, Json, Page, Status, parse_job_id
from longcall.objects import Objects
from longcall.offers import Model, parse_models
from longcall.operations import check_type_prefix
from longcall.parsing import parse_cost, parse_event, parse_upload
from longcall.reading import read_events, read_page, read_snapshot
from longcall.realtime import Realtime
from longcall.requests import InferenceRequest, Options, Text, check_upload, new_request
from longcall.timing import Timing
from longcall.transport import Requests
from longcall.view import JobView, merge
from longcall.watch import Watch


class Client:
    """A client of one Longcall API, for one caller. Use it as an asynchronous context manager, once.

    Leaving the context ends everything that the client was doing: requests, uploads and watches that are still in use
    raise `ClientClosed`, and nothing is opened afterwards.

    Args:
        graphql_url: Such as https://….appsync-api.eu-west-1.amazonaws.com/graphql.
        authorization: Authorizes the caller's requests.
        realtime_url: The endpoint for subscriptions; by default derived from `graphql_url`.
        timing: The time limits.
        on_link: Called when the live connection of a watched job is established or lost.
        on_heal: Called when events that were not pushed were read from the log.
        type_prefix: What the names of Longcall's types begin with in the API's schema. It is empty unless the jobs were
            added to an existing API with a prefix.

    Raises:
        ConfigurationError: A URL is malformed, or the prefix is not a GraphQL name.
    """

    def __init__(
        self,
        graphql_url: str,
        *,
        authorization: Authorization,
        realtime_url: str | None = None,
        timing: Timing = Timing(),  # noqa: B008  # frozen
        on_link: Callable[[Link], None] = lambda _: None,
        on_heal: Callable[[Heal], None] = lambda _: None,
        type_prefix: str = "",
    ) -> None:
        check_graphql_url(graphql_url)
        check_type_prefix(type_prefix)
        address = check_realtime_url(realtime_url or realtime_url_of(graphql_url))
        self._timing = timing
        self._on_link = on_link
        self._on_heal = on_heal
        self._requests = Requests(graphql_url, authorization, timing, type_prefix)
        self._objects = Objects(timing)
        self._realtime = Realtime(
            address, graphql_url=graphql_url, authorization=authorization, timing=timing, type_prefix=type_prefix
        )
        self._watches: WeakSet[Watch | ListWatch] = WeakSet()
        self._is_open = False
        self._is_closed = False

    async def __aenter__(self) -> Self:
        await self._requests.open()
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open, self._is_closed = False, True
        # Requests first: afterwards, every call of a watch fails at once.
        await asyncio.gather(self._requests.close(), self._objects.close())
        await asyncio.gather(*(watch.close() for watch in self._watches))
        await self._realtime.close()

    async def run(self, text: Text, **options: Unpack[Options]) -> AsyncGenerator[JobView, None]:
        """Start a job and follow it: one view for each event of its log, in order, up to the terminal event.

        Leaving the iteration detaches: the job continues, and `watch` follows it again by the view's `job_id`. The
        client subscribes before it starts the job. If the answer to the start is lost, it is sent again for the same
        job.

        Args:
            text: The text to work on, at most 10485760 bytes of UTF-8 (10 MiB); or a conversation, as a list of
                `Message` with at most 196608 bytes of text in all, and with images if the model accepts them.
            **options: All optional.
                model: The workload that runs it; `local.textrank` by default.
                job_id: The job's UUID; by default a new one. The same id with the same input is the same job.
                system: Instructions before the text, if the model accepts them.
                max_tokens: Most tokens of the answer.
                temperature: From 0 to 2.
                top_p: The share of the likeliest tokens that the model draws from, from 0 to 1.
                stop_sequences: The answer ends before any of these texts.
                process_time: Seconds that a simulated model takes.
                max_cost: Most US dollars that the job may cost.
                metadata: A JSON value that is returned unchanged with every event.

        Raises:
            InvalidInput: The API would refuse the input. Nothing was sent.
            RequestRejected: The API refuses the input; `error_type` says why.
            SubscriptionRejected: The API refuses the subscription.
            LongcallError: As for every call: `Unreachable`, `Throttled`, `NotAuthorized`, `SignInFailed`,
                `ProtocolError` and `ClientClosed`, with the conditions that each class describes.
        """
        async with aclosing(self.run_request(new_request(text, options))) as views:
            async for view in views:
                yield view

    async def run_request(self, request: InferenceRequest) -> AsyncGenerator[JobView, None]:
        """`run`, for a request that was composed before."""
        async with aclosing(self._watch(request.job_id).views(lambda: self.start_request(request))) as views:
            async for view in views:
                yield view

    async def start(self, text: Text, **options: Unpack[Options]) -> Event:
        """Start a job without following it; arguments and errors as for `run`.

        Returns:
            The job's first event.
        """
        return await self.start_request(new_request(text, options))

    async def start_request(self, request: InferenceRequest) -> Event:
        """`start`, for a request that was composed before."""
        uploads = {content: await self.upload(content) for content in request.contents}
        data = await self._requests.execute("start_inference", {"input": request.render(uploads)})
        return parse_event(data.get("startInference"))

    async def quote(self, text: Text, **options: Unpack[Options]) -> Cost:
        """Estimate what such a job would cost. No job is started, and the text is not sent.

        Arguments and errors as for `run`.
        """
        return await self.quote_request(new_request(text, options))

    async def quote_request(self, request: InferenceRequest) -> Cost:
        """`quote`, for a request that was composed before."""
        data = await self._requests.execute("quote_inference", {"input": request.render_quote()})
        return parse_cost(data.get("quoteInference"))

    async def models(self) -> tuple[Model, ...]:
        """The models that the API runs for callers, and what each of them accepts.

        Raises:
            LongcallError: As for every call; see `run`.
        """
        data = await self._requests.execute("list_models", {})
        return parse_models(data.get("listModels"))

    async def upload(self, content: bytes) -> str:
        """Send a content, so that a start can name it.

        Args:
            content: At most 10485760 bytes (10 MiB). The API stores it for a day, and as long as a job that uses it.

        Returns:
            The upload's id. The same content has the same id.

        Raises:
            InvalidInput: The content is empty, or too large.
            LongcallError: As for every call; see `run`.
        """
        check_upload(content)
        description: dict[str, Json] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        data = await self._requests.execute("create_upload", {"input": description})
        upload = parse_upload(data.get("createUpload"))
        await self._objects.send(upload, content)
        return upload.upload_id

    async def watch(self, job_id: str) -> AsyncGenerator[JobView, None]:
        """Follow a job from its first event: one view for each event, in order, up to the terminal event.

        Leaving the iteration detaches: the job continues.

        Raises:
            InvalidInput: The id is not a UUID.
            JobNotFound: The caller has no such job.
            SubscriptionRejected: The API refuses the subscription.
            LongcallError: As for every call; see `run`.
        """
        async with aclosing(self._watch(parse_job_id(job_id)).views()) as views:
            async for view in views:
                yield view

    async def get(self, job_id: str) -> JobView:
        """The job's present state, with its output.

        Raises:
            InvalidInput: The id is not a UUID.
            JobNotFound: The caller has no such job.
            LongcallError: As for every call; see `run`.
        """
        id_ = parse_job_id(job_id)
        snapshot = await read_snapshot(self._requests, self._objects, id_)
        view = JobView(id_)
        if snapshot.output is None:
            async for event in self.events(id_):
                view = merge(view, event)
        view = merge(view, snapshot)
        if view.is_terminal and view.result_omitted:  # the job ended while its log was read
            view = merge(view, await read_snapshot(self._requests, self._objects, id_))
        return view

    async def events(self, job_id: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """The job's log up to now, in order, from the first event after the sequence `after`.

        Raises:
            InvalidInput: The id is not a UUID.
            JobNotFound: The caller has no such job.
            LongcallError: As for every call; see `run`.
        """
        id_ = parse_job_id(job_id)
        while events := await read_events(self._requests, id_, after=after):
            for event in events:
                yield event
            after = events[-1].sequence
            if events[-1].is_terminal:
                return

    async def cancel(self, job_id: str) -> Event:
        """End the job.

        Returns:
            The job's last event. If the job had ended before, it shows how.

        Raises:
            InvalidInput: The id is not a UUID.
            JobNotFound: The caller has no such job.
            LongcallError: As for every call; see `run`.
        """
        data = await self._ask_about("cancel_inference", parse_job_id(job_id))
        return parse_event(data.get("cancelInference"))

    async def delete(self, job_id: str) -> None:
        """Delete a job that has ended, with its input and its output.

        Raises:
            RequestRejected: The job has not ended (`error_type` is JobUnfinished): cancel it first.
            InvalidInput: The id is not a UUID.
            JobNotFound: The caller has no such job, or it was deleted before.
            LongcallError: As for every call; see `run`.
        """
        id_ = parse_job_id(job_id)
        await self._ask_about("delete_inference", id_)
        for watch in self._watches:
            if isinstance(watch, ListWatch):
                watch.forget(id_)

    async def list(self, *, status: Status | None = None, limit: int = 20, next_token: str | None = None) -> Page:
        """One page of the caller's jobs, newest first, without their texts.

        Args:
            status: Only jobs with this status.
            limit: The most jobs in the page, from 1 to 100.
            next_token: Of the page before; None for the first page.

        Raises:
            RequestRejected: The API refuses an argument.
            LongcallError: As for every call; see `run`.
        """
        return await read_page(self._requests, status=status, limit=limit, next_token=next_token)

    async def watch_all(self, *, limit: int = 100) -> AsyncGenerator[JobList, None]:
        """Follow the caller's newest jobs: the list as it is, and again whenever it has changed, without end.

        A job that is started, claimed by a worker, ended or deleted changes the list, whoever does it and wherever.
        Changes of status are pushed. Progress, deletions elsewhere, and pushes that were lost are read from the API:
        every `Timing.silence` seconds while a job of the list runs, otherwise every `Timing.idle` seconds.

        Args:
            limit: The most jobs in the list, 1 or more.

        Raises:
            InvalidInput: The limit is less than 1.
            SubscriptionRejected: The API refuses the subscription.
            LongcallError: As for every call; see `run`.
        """
        if limit < 1:
            raise InvalidInput(f"limit must be 1 or more, and is {limit}")
        self._check_open()
        watch = ListWatch(
            limit, requests=self._requests, realtime=self._realtime, timing=self._timing, on_link=self._on_link
        )
        self._watches.add(watch)
        async with aclosing(watch.lists()) as lists:
            async for each in lists:
                yield each

    async def _ask_about(self, document: str, job_id: JobId) -> Mapping[str, Any]:
        try:
            return await self._requests.execute(document, {"jobId": job_id})
        except RequestRejected as rejected:
            raise JobNotFound(job_id) if rejected.error_type == "JobNotFound" else rejected from rejected

    def _check_open(self) -> None:
        if self._is_closed:
            raise ClientClosed
        if not self._is_open:
            raise ConfigurationError("the client is not open; use it inside `async with`")

    def _watch(self, job_id: JobId) -> Watch:
        self._check_open()
        watch = Watch(
            job_id,
            requests=self._requests,
            objects=self._objects,
            realtime=self._realtime,
            timing=self._timing,
            on_link=self._on_link,
            on_heal=self._on_heal,
        )
        self._watches.add(watch)
        return watch

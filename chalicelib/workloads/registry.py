"""The registry: from a model's name to the module that runs it.

The table of Longcall's own models is data, and a project's own workloads are read from their files, so that a request
is checked before its job opens and without importing a workload's module. `docs/workloads.md` shows how to add one.
"""

import difflib
import logging
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from msgspec import Struct, field

from chalicelib.jobs.errors import InvalidRequest, WorkloadFailed
from chalicelib.jobs.limits import MAX_PROCESS_TIME, ONE_INVOCATION
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads.bedrock import names as bedrock_names
from chalicelib.workloads.bedrock import spelling
from chalicelib.workloads.contract import Workload
from chalicelib.workloads.options import Option
from chalicelib.workloads.own.reading import FOLDER, Findings, read_folder

log = logging.getLogger(__name__)

NEARLY: Final = 0.75  # of `difflib`'s ratio: a name that is this near is probably the one that was meant
LONGEST_SHOWN: Final = 80  # characters of an unknown name in a message


class Registration(Struct, frozen=True):
    """One workload: which models a function runs, and which options they take.

    Attributes:
        models: The models' names. If there is a `pattern`, these are examples.
        module: The module with the function.
        options: What a request for these models may have. A request with any other option is refused.
        description: What they do, in one sentence for callers.
        defaults: What a missing option means. Where there is none, the model decides.
        max_process_time: The largest `processTime` in seconds. Work that yields checkpoints may take longer than one
            invocation.
        pattern: Matches the names of further models of this workload.
        prefix: With which all names that match the pattern begin.
        own: The name of the function in a project's own module; None: the module is Longcall's, and has `run`.
    """

    models: tuple[str, ...]
    module: str
    options: AbstractSet[Option]
    description: str
    defaults: Mapping[Option, Json] = field(default_factory=dict)
    max_process_time: float = ONE_INVOCATION
    pattern: re.Pattern[str] | None = None
    prefix: str = ""
    own: str | None = None


_TEXT_ONLY: Final = frozenset(Option) - {Option.IMAGES}
_SIMULATED: Final[Mapping[Option, Json]] = {Option.MAX_TOKENS: 200, Option.PROCESS_TIME: 5.0}
_FAILING: Final = {
    "simulated.error": "A test: after half of the text, the work fails.",
    "simulated.crash": "A test: after half of the text, the worker's process dies, in every attempt.",
    "simulated.crash-once": "A test: after half of the text, the worker's process dies; the second attempt completes.",
    "simulated.silence": "A test: half of the text at once, then nothing for the whole time, then the rest.",
    "simulated.slow-start": "A test: nothing for the whole time, then the text at once.",
    "simulated.deaf": "A test: half of the text, then a call that cannot be interrupted.",
}

REGISTRY: Final = (
    Registration(
        models=("simulated.story",),
        module="chalicelib.workloads.simulated",
        options=_TEXT_ONLY,
        description="A made-up story of a chosen length, at a chosen pace, for development and tests.",
        defaults=_SIMULATED,
        max_process_time=MAX_PROCESS_TIME,
    ),
    *(
        Registration((name,), "chalicelib.workloads.simulated", _TEXT_ONLY, description, _SIMULATED)
        for name, description in _FAILING.items()
    ),
    Registration(
        models=("simulated.echo",),
        module="chalicelib.workloads.echo",
        options=frozenset({Option.PROCESS_TIME}),
        description="Repeats the text, byte for byte.",
        defaults={Option.PROCESS_TIME: 0.0},
    ),
    Registration(
        models=("local.textrank",),
        module="chalicelib.workloads.textrank",
        options=frozenset({Option.MAX_TOKENS}),
        description="Summarises a text by its most important sentences, in English or Japanese, without a network.",
    ),
    Registration(
        models=("amazon.nova-micro-v1:0",),
        module="chalicelib.workloads.bedrock.converse",
        options=frozenset(Option) - {Option.PROCESS_TIME},
        description="A model on Amazon Bedrock, named by its id, inference profile or ARN.",
        pattern=bedrock_names.MODEL,
    ),
    Registration(
        models=("openai/llama3.2",),
        module="chalicelib.workloads.openai.chat",
        options=frozenset(Option) - {Option.PROCESS_TIME},
        description="A model on a server that speaks the API of OpenAI, such as Ollama or vLLM.",
        prefix="openai/",
        pattern=re.compile(r"openai/[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}"),  # any name that a server may use
    ),
)


# Families of names that a project's own workload may not use.
RESERVED: Final = frozenset(
    {*(entry.models[0].partition(".")[0] for entry in REGISTRY), *bedrock_names.PROVIDERS, *bedrock_names.GEOGRAPHIES}
)


def find_own(root: Path) -> Findings:
    """A project's own workloads, and what is wrong with their files.

    Args:
        root: The folder with `workloads/`.
    """
    return read_folder(root / FOLDER, reserved=RESERVED)


def registrations() -> tuple[Registration, ...]:
    """All workloads: Longcall's, and the project's own in the folder `workloads/` beside the handlers."""
    return (*REGISTRY, *_own_registrations(__file__))


@cache
def _own_registrations(this_file: str) -> tuple[Registration, ...]:
    findings = find_own(Path(this_file).parents[2])
    for problem in findings.problems:
        log.error("a workload is left out: %s", problem, extra={"event": "workload_left_out", "problem": problem})
    return tuple(
        Registration(
            (it.model,), it.module, it.options, it.description, max_process_time=it.max_process_time, own=it.function
        )
        for it in findings.workloads
    )


def find(model: str) -> Registration:
    """The registration of a model: by its exact name, or else by a pattern that it matches.

    A name whose family, the part before the dot, is registered without patterns is misspelt, and no pattern counts.
    The same is true of a name that fits a pattern and is nearly a name that is known.

    Raises:
        InvalidRequest: The model is unknown; the message suggests some that exist.
    """
    known = registrations()
    named = next((entry for entry in known if model in entry.models), None)
    if named is not None:
        return named
    families: dict[str, list[str]] = {}
    for entry in known:
        for name in entry.models:
            families.setdefault(_family(name), []).append(name)
    closed = _closed_families()
    corrected = None if _family(model) in closed else _correction(model, closed)
    if corrected is None and _family(model) not in closed:
        for entry in known:
            if entry.pattern is not None and entry.pattern.fullmatch(model):
                return entry
    names = [name for names in families.values() for name in names]
    near = corrected or next(iter(difflib.get_close_matches(_plain(model), names, n=1, cutoff=NEARLY)), None)
    if near is not None:
        firsts = ", ".join(names[0] for names in families.values())
        raise InvalidRequest(f"model {model[:LONGEST_SHOWN]!r} is unknown. Did you mean {near}? Models: {firsts}")
    related = families.get(_family(model), [])
    use = related if len(related) > 1 else [names[0] for names in families.values()]
    raise InvalidRequest(f"model {model[:LONGEST_SHOWN]!r} is unknown; use {', '.join(use[:-1])} or {use[-1]}")


def _correction(model: str, closed: AbstractSet[str]) -> str | None:
    """The name that was meant, if a name fits a pattern only because it is misspelt, or fits it in lower case."""
    if model.startswith("arn:"):
        return None
    plain = _plain(model)
    if "/" in model:
        server, _, name = model.strip().partition("/")
        is_near = difflib.get_close_matches(server.lower(), ["openai"], cutoff=NEARLY)
        return f"openai/{name}" if is_near and server != "openai" else None
    if misspelt := difflib.get_close_matches(_family(plain), sorted(closed), n=1, cutoff=NEARLY):
        names = [name for entry in registrations() for name in entry.models if _family(name) == misspelt[0]]
        return next(iter(difflib.get_close_matches(plain, names, n=1, cutoff=NEARLY)), names[0])
    return spelling.correction(plain) or (plain if plain != model and bedrock_names.MODEL.fullmatch(plain) else None)


def _closed_families() -> set[str]:
    """Families whose models are all registered by name."""
    return {_family(name) for entry in registrations() if entry.pattern is None for name in entry.models}


def _plain(model: str) -> str:
    return model[:2048].strip().lower()


def check(request: InferenceRequest, *, allowed: Sequence[str] = ("*",)) -> None:
    """Refuse a request that its workload could not run, before the job exists.

    Args:
        request: What the caller asks for.
        allowed: Names of the models that this stage runs; `*` matches any text. A model of Bedrock matches by its id
            and by its ARN, in either place.

    Raises:
        InvalidRequest: The model is unknown or not allowed, or does not take one of the options.
    """
    found = find(request.model)
    if not is_allowed(request.model, allowed):
        raise InvalidRequest(f"model {request.model} is not allowed on this stage; use {' or '.join(allowed)}")
    sent = {
        Option.SYSTEM: request.system,
        Option.MAX_TOKENS: request.max_tokens,
        Option.TEMPERATURE: request.temperature,
        Option.PROCESS_TIME: request.process_time,
        Option.TOP_P: request.top_p,
        Option.STOP_SEQUENCES: request.stop_sequences,
        Option.MESSAGES: request.messages,
        Option.IMAGES: request.images,
    }
    for option, value in sent.items():
        if value not in (None, ()) and option not in found.options:
            raise InvalidRequest(f"model {request.model} does not take {option}; leave it out")
    if request.process_time is not None and request.process_time > found.max_process_time:
        raise InvalidRequest(
            f"processTime of {request.model} must be at most {found.max_process_time:g}, but is "
            f"{request.process_time:g}: this model does all of its work in one invocation"
        )


def is_allowed(model: str, allowed: Sequence[str]) -> bool:
    """Whether a stage that runs these models runs this one; see `check`."""
    return any(_allows(pattern, model) for pattern in allowed)


def open_to(head: str) -> list[Registration]:
    """The workloads with a pattern that may run models whose names begin with this text; it may be empty."""
    closed = [f"{family}." for family in _closed_families()]
    if head and any(family.startswith(head) or head.startswith(family) for family in closed):
        return []
    found = [entry for entry in REGISTRY if entry.pattern is not None]
    longest = max((len(entry.prefix) for entry in found if head.startswith(entry.prefix)), default=0)
    return [entry for entry in found if not head or (head.startswith(entry.prefix) and len(entry.prefix) == longest)]


def load(model: str) -> Workload:
    """The workload that runs a model. Its module is imported by the first call.

    Raises:
        InvalidRequest: The model is unknown.
        WorkloadFailed: The module cannot be imported, or has no `run`.
    """
    found = find(model)
    module = found.module
    try:
        if found.own is None:
            return cast("Workload", import_module(module).run)
        from chalicelib.workloads.own.adapter import adapted

        return adapted(getattr(import_module(module), found.own))
    except Exception as error:
        reason = " ".join(str(error).split()) or "no message"
        raise WorkloadFailed(
            f"the workload of {model} cannot be loaded: {module} raised {type(error).__name__}: {reason}; its author "
            "must correct it"
        ) from error


def _family(model: str) -> str:
    return model.partition(".")[0]


def _allows(pattern: str, model: str) -> bool:
    plain = bedrock_names.plain_id
    return fnmatchcase(model, pattern) or fnmatchcase(plain(model), plain(pattern))

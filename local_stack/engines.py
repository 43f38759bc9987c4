"""Makes the engines of a stack's APIs, and names everything that stops the stack from being started at once."""

from collections.abc import Awaitable, Callable, Iterator, Sequence

from appsync_local.errors import ApiInvalid
from appsync_local.http.server import Engine
from appsync_local.resolvers.file_check import file_problems
from local_stack.blueprint import Blueprint, LocalApi, api_path
from local_stack.errors import StackError


async def build_engines(
    blueprint: Blueprint, engine_of: Callable[[LocalApi, str], Engine], import_check: Awaitable[Sequence[str]]
) -> Engine:
    """The engine of the first API, which serves the others too.

    Args:
        blueprint: The stack.
        engine_of: Makes the engine of an API, for a path.
        import_check: Why handlers cannot be imported; awaited only if there is another problem.

    Raises:
        ApiInvalid: The project's own API cannot be served.
        StackError: A template cannot be run; the message names everything that was found.
    """
    problems = list(blueprint.problems)
    engines: list[Engine] = []
    for api in blueprint.apis:
        if blueprint.problems:  # of an API that was read in part, only its files can be checked
            problems.extend(_with_origins(file_problems(api.schema, api.code), api))
            continue
        try:
            engines.append(engine_of(api, api_path(api.name, of=len(blueprint.apis))))
        except ApiInvalid as invalid:
            if not api.origins:
                raise
            problems.extend(_with_origins(invalid.problems, api))
    if problems:
        problems.extend(await import_check)
        raise StackError("the template cannot be run:\n" + "\n".join(f"  - {it}" for it in problems))
    first, *others = engines
    for other in others:
        first.serve_also(other)
    return first


def _with_origins(problems: Sequence[str], api: LocalApi) -> Iterator[str]:
    """The problems, with the names of the files that a person edits instead of those of their copies."""
    for problem in problems:
        for copy, origin in api.origins.items():
            problem = problem.replace(str(copy), origin).replace(
                f"{api.code.name}/{copy.relative_to(copy.parents[1])} ", f"{origin} "
            )
        yield problem

"""`models`: which models the API runs, and what each of them accepts."""

import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Final

import typer

from longcall.cli.calls import call, open_client
from longcall.cli.options import CallerOptions, JsonOption, with_groups
from longcall.errors import InvalidInput

if TYPE_CHECKING:
    from longcall.offers import Model

MODELS_EXAMPLES: Final = """\b
Examples:
  longcall models
  longcall models simulated.story"""


@with_groups
def models(
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Show what this one accepts; by default, list all.")
    ] = None,
    as_json: JsonOption = False,
    caller: CallerOptions,
) -> None:
    """List the models that the API runs, or show the options of one."""
    chosen = caller.choose()

    async def ask() -> None:
        async with open_client(chosen) as client:
            found = await client.models()
        if name is None:
            _show(found, as_json=as_json)
        else:
            _show_one(_named(name, found), as_json=as_json)

    call(chosen, ask())


def _named(name: str, found: "Sequence[Model]") -> "Model":
    """The model with this name, or else one whose pattern it matches."""
    exact = [it for it in found if it.name == name]
    # A pattern that begins with `*` says nothing about whether this name exists.
    patterns = [it for it in found if it.pattern is not None and not it.pattern.startswith("*")]
    others = [it for it in patterns if fnmatchcase(name, it.pattern or "")]
    for model in (*exact, *sorted(others, key=lambda it: -len(it.pattern or ""))):
        return model
    raise InvalidInput(f"the API runs no model named {name}; `longcall models` lists those that it runs")


def _show(found: "Sequence[Model]", *, as_json: bool) -> None:
    from rich.console import Console

    from longcall import display

    if as_json:
        for model in found:
            typer.echo(display.json_line(display.model_wire(model)))
    elif sys.stdout.isatty():
        Console(highlight=False).print(display.models_table(found))
    else:
        for model in found:
            typer.echo("\t".join(display.model_cells(model)))


def _show_one(model: "Model", *, as_json: bool) -> None:
    from rich.console import Console

    from longcall import display

    if as_json:
        typer.echo(display.json_line(display.model_wire(model)))
        return
    console = Console(highlight=False)
    console.print(display.models_table([model]), soft_wrap=not console.is_terminal)
    console.print(display.options_table(model), soft_wrap=not console.is_terminal)

"""The models of an API and their options, as tables and rows. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Final

from rich.table import Table
from rich.text import Text

from longcall.display.json_lines import json_line
from longcall.display.text import line
from longcall.models import Json
from longcall.offers import Model, ModelOption

FLAGS: Final[Mapping[str, str]] = {  # the command line's options for those of the API
    "messages": "--messages",
    "images": "--image",
    "system": "--system",
    "maxTokens": "--max-tokens",
    "temperature": "--temperature",
    "topP": "--top-p",
    "stopSequences": "--stop",
    "processTime": "--process-time",
}


def models_table(models: Iterable[Model]) -> Table:
    """One row for each model."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("model", no_wrap=True)
    table.add_column("what it does")
    for model in models:
        table.add_row(line(model.name), Text(_described(model)))
    return table


def model_cells(model: Model) -> tuple[str, str, str, str]:
    """A model in a list: name, pattern, options with commas, description."""
    options = ",".join(line(option.name) for option in model.options)
    return line(model.name), line(model.pattern or ""), options, line(model.description)


def options_table(model: Model) -> Table:
    """One row for each option of a model: how it is given, its values, what it does."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(style="dim")
    for option in model.options:
        flag = FLAGS.get(option.name, line(option.name))
        table.add_row(flag, Text(", ".join(_values(option))), Text(line(option.description)))
    return table


def model_wire(model: Model) -> dict[str, Json]:
    """With the field names of the schema."""
    return {
        "name": model.name,
        "pattern": model.pattern,
        "description": model.description,
        "priced": model.is_priced,
        "options": [asdict(option) for option in model.options],
    }


def _described(model: Model) -> str:
    others = "" if model.pattern is None else f" Other names: {line(model.pattern)}"
    return f"{line(model.description)}{others}"


def _values(option: ModelOption) -> Iterator[str]:
    unit = " bytes" if option.type in ("TEXT", "CONVERSATION") else ""
    if option.minimum is not None and option.maximum is not None:
        yield f"{option.minimum:,g} to {_amount(option.maximum)}"
    elif option.minimum is not None:
        yield f"{option.minimum:,g} or more"
    elif option.maximum is not None:
        yield f"at most {_amount(option.maximum)}{unit}"
    if option.default is not None:
        yield f"default {json_line(option.default)}"


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:,}"

"""The models that an API runs, and what each of them accepts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from longcall.errors import ProtocolError
from longcall.models import Json
from longcall.parsing import number, optional_text, parsed_json, text


@dataclass(frozen=True, slots=True)
class ModelOption:
    """One option of a model.

    Attributes:
        name: Of the field in the schema's `InferenceInput`; `images` is a field of `MessageInput`.
        type: INTEGER, NUMBER, TEXT, TEXTS, CONVERSATION or IMAGES; a newer API may have others.
        description: One sentence about its effect.
        minimum: The smallest number allowed, or None if there is no lower limit.
        maximum: The largest number, the most bytes of UTF-8 of a text or a conversation, or the most items.
        default: What a missing option stands for; None if the model decides.
    """

    name: str
    type: str
    description: str
    minimum: float | None
    maximum: float | None
    default: Json


@dataclass(frozen=True, slots=True)
class Model:
    """A model that callers may use.

    Attributes:
        name: Of the model; with a `pattern`, an example.
        pattern: Names that match this text are accepted too, where `*` stands for any characters; None: only `name`.
        description: One sentence about its effect.
        is_priced: Whether a job may have a `max_cost`.
        options: What it accepts besides a text.
    """

    name: str
    pattern: str | None
    description: str
    is_priced: bool
    options: tuple[ModelOption, ...]


def parse_models(found: object) -> tuple[Model, ...]:
    """Parse the answer of listModels.

    Raises:
        ProtocolError: A field of the contract is missing or has another type.
    """
    try:
        if not isinstance(found, list):
            raise TypeError("models")
        return tuple(_model(each) for each in found)
    except (KeyError, TypeError, ValueError) as exc:
        raise ProtocolError(
            "expected a list of models, and found none that can be read; check that client and API are of one version"
        ) from exc


def _model(fields: Mapping[str, Any]) -> Model:
    return Model(
        name=text(fields, "name"), pattern=optional_text(fields, "pattern"), description=text(fields, "description"),
        is_priced=fields["priced"] is True, options=tuple(_option(each) for each in fields["options"]),
    )  # fmt: skip


def _option(fields: Mapping[str, Any]) -> ModelOption:
    return ModelOption(
        name=text(fields, "name"), type=text(fields, "type"), description=text(fields, "description"),
        minimum=number(fields, "minimum"), maximum=number(fields, "maximum"),
        default=parsed_json(fields.get("default")),
    )  # fmt: skip

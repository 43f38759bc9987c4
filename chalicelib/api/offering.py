"""What `listModels` answers: the models that this stage offers, with their options."""

from collections.abc import Sequence

from chalicelib.billing.prices import price_of
from chalicelib.jobs.model import Json
from chalicelib.workloads.offers import Offer, offers
from chalicelib.workloads.options import SPECS, Option


def offered(allowed: Sequence[str]) -> Json:
    """A `Model` for each model that a stage offers.

    Args:
        allowed: Names of the models that the stage runs; `*` matches any text.
    """
    return [_model(offer) for offer in offers(allowed)]


def _model(offer: Offer) -> Json:
    return {
        "name": offer.name,
        "pattern": offer.pattern,
        "description": offer.registration.description,
        "priced": price_of(offer.name) is not None,
        "options": [_option(option, offer) for option in SPECS if option in offer.registration.options],
    }


def _option(option: Option, offer: Offer) -> Json:
    spec = SPECS[option]
    is_duration = option is Option.PROCESS_TIME
    return {
        "name": option.value,
        "type": spec.type.value,
        "description": spec.description,
        "minimum": spec.minimum,
        "maximum": offer.registration.max_process_time if is_duration else spec.maximum,
        "default": offer.registration.defaults.get(option),
    }

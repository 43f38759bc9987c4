"""The pictures of the certificate's page, as SVG: the life of one job, and the distribution of heal times. Pure.

Colours come from the page's style sheet, so that both pictures fit a light and a dark page.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

WIDTH: Final = 960
LEFT: Final = 92  # of the first time
RIGHT: Final = 24
LOGGED, ARRIVED, SHOWN = 62, 142, 222  # height of each row
AXIS: Final = 258
LIFE_HEIGHT: Final = 286
MOST_TICKS: Final = 10
STEPS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)  # seconds between two ticks
BAR_AREA: Final = 150

Scale = Callable[[float], float]
"""The position of a time."""


def life_picture(life: Mapping[str, Any]) -> str:
    """One job: its entries, the pushes that arrived, and what the watcher showed.

    Args:
        life: `life` of the certificate's JSON.
    """
    entries: Sequence[Mapping[str, Any]] = life["entries"]
    times = [entry["loggedAt"] for entry in entries] + [at for entry in entries for at in entry["arrivedAt"]]
    times += [entry["shownAt"] for entry in entries if entry["shownAt"] is not None] + list(life["healedAt"])
    end: float = max(*times, 0.1)

    def x(at: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * at / end, 1)

    parts = [_attempt(list(group), x, end) for _, group in groupby(entries, lambda entry: entry["attempt"])]
    parts += [
        f'<line class="row" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        f'<text class="name" x="{LEFT - 14}" y="{y + 5}">{name}</text>'
        for name, y in (("logged", LOGGED), ("arrived", ARRIVED), ("shown", SHOWN))
    ]
    parts += [
        f'<line class="heal" x1="{x(at)}" x2="{x(at)}" y1="{LOGGED - 12}" y2="{SHOWN + 12}">'
        f"<title>a gap was closed by reading the log, after {at:.2f} s</title></line>"
        for at in life["healedAt"]
    ]
    parts += [_entry(entry, x) for entry in entries]
    parts.append(_axis(end, x))
    lost = sum(entry["isLost"] for entry in entries)
    label = f"The life of one job: {len(entries)} events logged, {lost} lost on their way, all shown"
    return _svg(LIFE_HEIGHT, label, parts)


def heal_picture(bins: Sequence[Mapping[str, Any]]) -> str:
    """How long gaps were open.

    Args:
        bins: `heals.distribution` of the certificate's JSON.
    """
    most = max((each["count"] for each in bins), default=0) or 1
    width = (WIDTH - 2 * RIGHT) / max(1, len(bins))
    parts = []
    for number, each in enumerate(bins):
        height = BAR_AREA * each["count"] / most
        left, middle = RIGHT + number * width, RIGHT + (number + 0.5) * width
        parts.append(
            f'<rect class="bar" x="{left + width * 0.14:.1f}" y="{BAR_AREA + 24 - height:.1f}" rx="3"'
            f' width="{width * 0.72:.1f}" height="{height:.1f}"/>'
            f'<text class="tick" x="{middle:.1f}" y="{BAR_AREA + 16 - height:.1f}">{each["count"]:,}</text>'
            f'<text class="tick soft" x="{middle:.1f}" y="{BAR_AREA + 44}">{escape(_limit(each["upToMs"]))}</text>'
        )
    return _svg(BAR_AREA + 54, "How long gaps were open", parts)


def _attempt(entries: Sequence[Mapping[str, Any]], x: Scale, end: float) -> str:
    """The background of one attempt, with its name."""
    attempt, begin = entries[0]["attempt"], entries[0]["loggedAt"]
    if attempt == 0:
        return ""
    shade = "odd" if attempt % 2 else "even"
    return (
        f'<rect class="{shade}" x="{x(begin)}" y="24" width="{x(end) - x(begin):.1f}" height="{AXIS - 24}"/>'
        f'<text class="soft" x="{x(begin) + 6}" y="40">attempt {attempt}</text>'
    )


def _entry(entry: Mapping[str, Any], x: Scale) -> str:
    logged, shown = entry["loggedAt"], entry["shownAt"]
    name = f"event {entry['sequence']}, {entry['status']}"
    parts = [_dot("logged", x(logged), LOGGED, f"{name}: logged after {logged:.2f} s")]
    for at in entry["arrivedAt"]:
        parts.append(f'<line class="way" x1="{x(logged)}" y1="{LOGGED}" x2="{x(at)}" y2="{ARRIVED}"/>')
        parts.append(_dot("arrived", x(at), ARRIVED, f"{name}: a push arrived after {at:.2f} s"))
    if shown is None:
        return "".join(parts)
    if entry["isLost"]:
        parts.append(f'<line class="read" x1="{x(logged)}" y1="{LOGGED}" x2="{x(shown)}" y2="{SHOWN}"/>')
        parts.append(
            f'<path class="lost" d="M{x(logged) - 5} {ARRIVED - 5}l10 10m0 -10l-10 10">'
            f"<title>{name}: no push had arrived; it was read from the log</title></path>"
        )
    else:
        first = min(entry["arrivedAt"])
        parts.append(f'<line class="way" x1="{x(first)}" y1="{ARRIVED}" x2="{x(shown)}" y2="{SHOWN}"/>')
    parts.append(_dot("shown", x(shown), SHOWN, f"{name}: shown after {shown:.2f} s"))
    return "".join(parts)


def _dot(kind: str, x: float, y: int, title: str) -> str:
    return f'<circle class="{kind}" cx="{x}" cy="{y}" r="5"><title>{escape(title)}</title></circle>'


def _axis(end: float, x: Scale) -> str:
    step = next((each for each in STEPS if end / each <= MOST_TICKS), STEPS[-1])
    ticks = []
    for number in range(int(end / step) + 1):
        at = number * step
        ticks.append(f'<line class="row" x1="{x(at)}" x2="{x(at)}" y1="{AXIS}" y2="{AXIS + 5}"/>')
        ticks.append(f'<text class="tick soft" x="{x(at)}" y="{AXIS + 22}">{at:g} s</text>')
    return "".join(ticks)


def _limit(up_to_ms: int | None) -> str:
    if up_to_ms is None:
        return "longer"
    return f"≤ {up_to_ms} ms" if up_to_ms < 1000 else f"≤ {up_to_ms / 1000:g} s"


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'

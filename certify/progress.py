"""How far the campaigns are: one line that is redrawn on a terminal, and a plain line now and then elsewhere."""

import time
from dataclasses import dataclass, field
from typing import Final, TextIO

from certify.campaign import Standing

PLAIN_EVERY: Final = 10.0  # seconds
REDRAW_EVERY: Final = 0.2  # seconds


@dataclass
class Progress:
    """Told of every step, it shows some."""

    out: TextIO
    _standings: dict[str, str] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _shown_at: float = float("-inf")
    _shown: str = ""

    def tell(self, standing: Standing) -> None:
        name = standing.campaign.store.value
        before = self._standings.get(name, "").partition(",")[0]
        self._standings[name] = line_of(standing)
        is_new_phase = self._standings[name].partition(",")[0] != before
        now = time.monotonic()
        if is_new_phase or now - self._shown_at >= (REDRAW_EVERY if self.out.isatty() else PLAIN_EVERY):
            self._shown_at = now
            self._show(f"{now - self._began:5.0f} s  " + "  |  ".join(self._standings.values()))

    def end(self) -> None:
        """Leave the terminal to others."""
        if self.out.isatty() and self._shown:
            self.out.write("\n")

    def _show(self, line: str) -> None:
        self._shown = line
        self.out.write(f"\r\x1b[2K{line}" if self.out.isatty() else f"{line}\n")
        self.out.flush()


def line_of(standing: Standing) -> str:
    """One campaign in a few words; the part before the first comma changes with its phase only."""
    campaign = standing.campaign
    kills = sum(standing.kills.values())
    counts = f", {standing.ended:,} of {campaign.jobs:,} jobs, {standing.shown:,} events shown, {kills} kills"
    return f"{campaign.store.value}: {standing.phase}{counts}"

"""The progress of the campaigns: a line that is redrawn on a terminal; elsewhere, a new line at intervals."""

import time
from dataclasses import dataclass, field
from typing import Final, TextIO

from certify.load import CampaignState

PLAIN_INTERVAL: Final = 10.0  # seconds
REDRAW_INTERVAL: Final = 0.2  # seconds


@dataclass
class Progress:
    """Receives every step, and shows some."""

    out: TextIO
    _standings: dict[str, str] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _shown_at: float = float("-inf")
    _shown: str = ""

    def update(self, state: CampaignState) -> None:
        name = state.campaign.store.value
        before = self._standings.get(name, "").partition(",")[0]
        self._standings[name] = line_of(state)
        is_new_phase = self._standings[name].partition(",")[0] != before
        now = time.monotonic()
        if is_new_phase or now - self._shown_at >= (REDRAW_INTERVAL if self.out.isatty() else PLAIN_INTERVAL):
            self._shown_at = now
            self._show(f"{now - self._began:5.0f} s  " + "  |  ".join(self._standings.values()))

    def end(self) -> None:
        """End the line, so that others can write."""
        if self.out.isatty() and self._shown:
            self.out.write("\n")

    def _show(self, line: str) -> None:
        self._shown = line
        self.out.write(f"\r\x1b[2K{line}" if self.out.isatty() else f"{line}\n")
        self.out.flush()


def line_of(state: CampaignState) -> str:
    """One campaign in a few words. The part before the first comma changes only with its phase."""
    campaign = state.campaign
    kills = sum(state.kills.values())
    counts = f", {state.ended:,} of {campaign.jobs:,} jobs, {state.shown:,} events shown, {kills} kills"
    return f"{campaign.store.value}: {state.phase}{counts}"

"""`python -m tests.hostile`: attack an engine on this machine for a given time."""

import argparse
import asyncio
import logging
import sys

from tests.hostile.campaign import Campaign, CampaignFailed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=150, help="attacks in a wave")
    chosen = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns about every socket that the engine closed first
    try:
        report = asyncio.run(Campaign(chosen.seed, chosen.size).run(seconds=chosen.seconds))
    except CampaignFailed as failure:
        print(f"the engine failed: {failure}", file=sys.stderr)  # noqa: T201
        return 1
    memory = ", ".join(f"{resident / 2**20:.0f}" for resident in report.resident)
    running_engine = f"{report.notes} requests of an honest client, all answered, the slowest in {report.slowest:.1f} s"
    print(f"{report.attacks} attacks; {running_engine}")  # noqa: T201
    print(f"MiB of the engine after each wave: {memory}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

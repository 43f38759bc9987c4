"""`python -m tests.hostile`: attack an engine of this machine for a while."""

import argparse
import asyncio
import logging
import sys

from tests.hostile.campaign import Campaign, Fallen


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=150, help="attacks in a wave")
    chosen = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of every socket that the engine closed first
    try:
        report = asyncio.run(Campaign(chosen.seed, chosen.size).run(seconds=chosen.seconds))
    except Fallen as fallen:
        print(f"the engine did not stand: {fallen}", file=sys.stderr)  # noqa: T201
        return 1
    memory = ", ".join(f"{resident / 2**20:.0f}" for resident in report.resident)
    served = f"{report.notes} notes of the witness, all answered, the slowest in {report.slowest:.1f} s"
    print(f"{report.attacks} attacks; {served}")  # noqa: T201
    print(f"MiB of the engine after each wave: {memory}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

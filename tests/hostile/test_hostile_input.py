"""A short campaign: real sockets, the engine in a process of its own. `make fuzz` runs long ones."""

from tests.hostile.campaign import Campaign


async def test_the_engine_stands_and_serves_others_while_it_is_attacked() -> None:
    report = await Campaign(seed=20, size=60).run(waves=3)

    assert report.attacks == 180
    assert report.notes > 3

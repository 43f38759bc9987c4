"""A short campaign over real sockets against an engine in its own process. `make fuzz` runs longer ones."""

from tests.hostile.campaign import Campaign


async def test_the_engine_serves_an_honest_client_while_it_is_attacked() -> None:
    report = await Campaign(seed=20, size=60).run(waves=3)

    assert report.attacks == 180
    assert report.notes > 3

"""The plan depends on the seed only, and even a short plan has every kind of job."""

from dataclasses import replace

import pytest

from certify.plan import CHAOS, RESERVE, Campaign, Form, Origin, Store, Victim, campaigns, injections
from certify.scenarios import (
    APPLIED,
    EXCLUSIVE,
    LAST_OF_A_CLIENT,
    RATES,
    Kind,
    job_plan,
    job_plans,
    lanes_of,
    line_of,
)
from chalicelib.workloads.simulated import Scene
from tests.unit.certify.jobs import CAMPAIGN


def test_same_seed_gives_the_same_plan() -> None:
    assert list(job_plans(CAMPAIGN)) == list(job_plans(CAMPAIGN))
    assert injections(CAMPAIGN) == injections(CAMPAIGN)


def test_another_seed_gives_other_jobs_and_other_moments() -> None:
    other = replace(CAMPAIGN, seed=2)

    assert {plan.job_id for plan in job_plans(CAMPAIGN)}.isdisjoint(plan.job_id for plan in job_plans(other))
    assert injections(CAMPAIGN) != injections(other)


def test_job_does_not_depend_on_how_many_there_are() -> None:
    assert job_plan(replace(CAMPAIGN, jobs=1_000), 7) == job_plan(CAMPAIGN, 7)


@pytest.mark.parametrize(("lanes", "owners", "processes"), [(8, 2, 2), (12, 3, 2), (20, 5, 2), (4, 1, 2), (2, 1, 1)])
def test_lines_share_all_jobs_out_and_keep_to_one_owner_each(lanes: int, owners: int, processes: int) -> None:
    campaign = replace(CAMPAIGN, jobs=400, lanes=lanes, owners=owners, processes=processes)
    lines = [(owner, share) for owner in range(owners) for share in range(processes)]

    jobs = {line: list(line_of(campaign, *line)) for line in lines}

    assert sorted(plan.number for plans in jobs.values() for plan in plans) == list(range(campaign.jobs))
    assert all(plan.owner == owner for (owner, _), plans in jobs.items() for plan in plans)
    assert sorted(lane for line in lines for lane in lanes_of(campaign, *line)) == list(range(lanes))


def test_longest_of_the_last_jobs_come_first_and_the_others_in_order() -> None:
    campaign = replace(CAMPAIGN, jobs=400)

    plans = [*line_of(campaign, 0, 0)]

    last = LAST_OF_A_CLIENT * 2  # clients of the owner in this process
    before, end = [plan.number for plan in plans[:-last]], plans[-last:]
    assert before == sorted(before)
    assert max(plan.process_time for plan in end) == end[0].process_time > end[-1].process_time
    assert [plan.number for plan in end] != sorted(plan.number for plan in end)


def test_campaign_survives_its_way_to_another_process() -> None:
    assert Campaign.load(CAMPAIGN.dump()) == CAMPAIGN


def test_campaigns_share_out_the_jobs_that_were_asked_for() -> None:
    for jobs in (1, 2, 20, 150, 10_000):
        made = campaigns(jobs=jobs, events=20, seed=1)
        assert sum(campaign.jobs for campaign in made) == jobs
        assert Store.DYNAMODB in {campaign.store for campaign in made}


@pytest.mark.parametrize("seed", range(5))
def test_short_plan_has_every_kind_of_job_and_of_client(seed: int) -> None:
    sqlite, _ = campaigns(jobs=150, events=12, seed=seed)

    plans = list(job_plans(sqlite))

    assert {plan.scene for plan in plans} == set(Scene)
    assert {plan.form for plan in plans} == set(Form)
    assert {plan.origin for plan in plans} == set(Origin)
    assert any(plan.starts > 1 for plan in plans)
    assert any(plan.cancel_from for plan in plans)
    assert any(plan.detach_from for plan in plans)
    assert any(plan.joins for plan in plans)
    assert any(plan.process_time > sqlite.timeout - RESERVE for plan in plans)
    for name in (
        "is_started_late", "has_other_input", "is_cancelled_late", "has_late_watcher", "has_short_token", "is_recorded",
        "is_deleted", "is_eavesdropped", "is_impersonated",
    ):  # fmt: skip
        assert any(getattr(plan, name) for plan in plans), name
    assert {injection.victim for injection in injections(sqlite)} == set(Victim)


def test_every_kind_of_job_is_applied_and_drawn() -> None:
    assert APPLIED.keys() == set(Kind)
    assert RATES.keys() | EXCLUSIVE.keys() | {Kind.PLAIN} == set(Kind)


def test_no_record_is_written_into_a_dynamodb_ledger() -> None:
    campaign = replace(CAMPAIGN, store=Store.DYNAMODB, jobs=3_000)

    assert {plan.origin for plan in job_plans(campaign)} == {Origin.STARTED}


def test_campaign_with_kinds_has_these_in_turn() -> None:
    campaign = replace(CAMPAIGN, kinds=(Kind.UPLOAD, Kind.CRASH))

    assert [plan.form for plan in job_plans(campaign)][:3] == [Form.UPLOAD, Form.PROMPT, Form.UPLOAD]
    assert job_plan(campaign, 1).scene is Scene.CRASH


def test_every_deployment_is_rolled_back() -> None:
    victims = [it.victim for it in injections(replace(CAMPAIGN, deployments=2))]

    assert [it for it in victims if it in (Victim.DEPLOYMENT, Victim.ROLLBACK)] == [
        Victim.DEPLOYMENT, Victim.ROLLBACK, Victim.DEPLOYMENT, Victim.ROLLBACK
    ]  # fmt: skip


def test_campaign_without_faults_has_no_chaos() -> None:
    assert replace(CAMPAIGN, faults="").chaos == ""
    assert CAMPAIGN.chaos == f"{CHAOS},seed=1"

"""The table of short jobs: what it says of each queue, given the runs of all rounds."""

from bench.jobs import LONGCALL, Run, costs_table, jobs_table


def run(per_second: float, *milliseconds: float, failures: int = 0) -> Run:
    return Run(per_second, [it / 1000 for it in milliseconds] * 100, failures)


def test_rates_are_medians_and_ratios_compare_queues_of_the_same_round() -> None:
    rounds = [
        {LONGCALL: {8: run(50, 4)}, "other": {8: run(100, 2)}},
        {LONGCALL: {8: run(60, 4)}, "other": {8: run(60, 2)}},
        {LONGCALL: {8: run(90, 4)}, "other": {8: run(30, 2)}},
    ]

    head, _, longcall, other = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in jobs_table(rounds).strip().splitlines()
    )

    assert head[:3] == ["at once", "queue", "jobs/s"]
    assert longcall == ["8", LONGCALL, "60", "", "4.0", "4.0", "4.0", "0"]
    assert other == ["8", "other", "60", "**1.00 ×** (0.50 to 3.00)", "2.0", "2.0", "2.0", "0"]


def test_the_slowest_hundredth_of_all_and_of_later_jobs_and_all_failures_are_shown() -> None:
    slow = Run(10.0, [0.5] * 2 + [0.001] * 98, 3)

    row = jobs_table([{LONGCALL: {64: slow}}, {LONGCALL: {64: slow}}]).strip().splitlines()[-1]

    assert [cell.strip() for cell in row.strip("|").split("|")][4:] == ["1.0", "500.0", "1.0", "6"]


def test_the_processor_time_of_a_job_is_shown_by_process() -> None:
    def costing(engine: float, functions: float) -> Run:
        return Run(10.0, [0.001], 0, {"engine": engine, "functions": functions, "clients": 0.002})

    rounds = [{LONGCALL: {8: costing(*each)}} for each in ((0.004, 0.009), (0.005, 0.005), (0.006, 0.001))]

    row = costs_table(rounds).strip().splitlines()[-1]

    assert [cell.strip() for cell in row.strip("|").split("|")] == ["8", "5.0", "5.0", "2.0", "**12.0**"]

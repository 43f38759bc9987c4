"""A job's state as text: what a terminal, a pipe and a program read. Pure; nothing here prints.

text        harmless text, cut into rows
quantities  durations, shares, money, moments
bills       an itemised cost
jobs        a job, its log, a list of jobs
job_list    a list of jobs while it changes
offers      the models of an API, and their options
live        the part of a terminal that is redrawn
json_lines  JSON for programs
"""

from longcall.display.bills import bill, bill_notes
from longcall.display.job_list import changes, live_list
from longcall.display.jobs import (
    COLOURS,
    MARKS,
    details,
    headline,
    healed,
    id_width,
    is_milestone,
    job_cells,
    jobs_table,
    keeps_output,
    log_row,
    milestone,
    spent,
    taken,
)
from longcall.display.json_lines import json_line, wire
from longcall.display.live import WIDEST, moving, waiting
from longcall.display.offers import model_cells, model_wire, models_table, options_table
from longcall.display.quantities import counts, duration, moment, money, share
from longcall.display.text import line, plain, rows

__all__ = [
    "COLOURS",
    "MARKS",
    "WIDEST",
    "bill",
    "bill_notes",
    "changes",
    "counts",
    "details",
    "duration",
    "headline",
    "healed",
    "id_width",
    "is_milestone",
    "job_cells",
    "jobs_table",
    "json_line",
    "keeps_output",
    "line",
    "live_list",
    "log_row",
    "milestone",
    "model_cells",
    "model_wire",
    "models_table",
    "moment",
    "money",
    "moving",
    "options_table",
    "plain",
    "rows",
    "share",
    "spent",
    "taken",
    "waiting",
    "wire",
]

"""Longcall on one machine: the only package that combines engine, handlers, API definition and test users.

command, arguments, options          what `longcall serve` was asked for
chosen_blueprint                     what is run, as a `blueprint`: from `project`, or from the room `template`
stack                                the order in which all parts start and stop
engines, worker_processes, services  the parts
description, next_steps, callers     what a running stack shows to clients and people
"""

"""Faults on purpose: what AppSync and Lambda may do to an application by their documentation, done often.

switch      what is on now, and what it has done so far
  ├── spec       `drop=0.3,...,seed=7` as plain data
  ├── decisions  one random stream per fault: what happens to the next push, event, request
  └── control    the switch over HTTP
push_queue  the pushes on their way to one socket, late, twice or overtaken; no socket, no clock
"""

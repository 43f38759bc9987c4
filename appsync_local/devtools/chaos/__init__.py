"""Deliberate faults: failures that AppSync and Lambda document, caused often and reproducibly.

switch      the faults that are on now, and how often each has happened
  ├── spec       `drop=0.3,...,seed=7` as plain data
  ├── decisions  one random stream per fault decides about the next push, event or request
  └── control    reads and sets the switch over HTTP
push_queue  the delayed, repeated and reordered pushes of one socket; without socket and clock
"""

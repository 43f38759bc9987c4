"""Lambda functions on one machine: warm worker processes, forked from a preloaded one, and a durable `Event` queue.

Import `FunctionSpec` from `.spec` and `FunctionRuntime` from `.runtime`. This file stays empty of imports: the
preloaded process imports it too, and everything loaded there is copied by every fork.

    engine process                      zygote (single-threaded)          worker (one event at a time)
    runtime ─► delivery ─► event_queue              (and schedule ─► delivery, every so often)
       └──────────┴──► pool ─► nursery ──── spawn, kill ────► zygote ──── fork ────► worker ─► handler
                         └──────────────── one socket each: event, result ────────────┘
"""

"""The certificate: thousands of jobs through a local stack that loses, repeats, kills and restarts, and a look at
every byte afterwards.

plan       what happens, from the seed: jobs, how their clients behave, what is killed when (pure)
evidence   what one client saw of one job, as a line of JSON (pure)
check      what plan, log and evidence say together: the violations (pure)
report     the certificate as JSON and as a page (pure)
stack      one local stack in processes of its own; processes: whom to kill
clients    one process of many callers; caller: what one of them does with a job
faults     kills what the plan says, when it says so
wire       a proxy before DynamoDB that fails calls, loses answers, and kills the caller between two writes
campaign   one run over one ledger, from the start of the stack to the last check
command    `python -m certify`, which `make certify` runs
"""

"""The certificate: runs thousands of jobs on a local stack that loses, repeats, kills and restarts, and then compares
every byte.

plan         what happens, from the seed: jobs, what their clients do, what is killed when (pure)
observation  what one client saw of one job, as a line of JSON (pure)
check        compares plan, log and observations, and reports violations (pure)
report       the certificate as JSON and as a page (pure)
stack        one local stack in its own processes
processes    finds and kills processes of a stack
clients      one process of many callers
caller       what one caller does with one job
faults       kills processes as the plan says
wire         a proxy in front of DynamoDB that fails calls, loses answers, and kills the caller between two writes
campaign     one run over one ledger, from the start of the stack to the last check
command      `python -m certify`, which `make certify` runs
"""

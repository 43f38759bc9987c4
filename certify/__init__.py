"""The certificate: runs thousands of jobs on a local stack that loses, repeats, kills and restarts, and then compares
every byte.

plan          what happens, from the seed: campaigns, jobs, what is killed when (pure)
scenarios     the kinds of jobs, and how often each is drawn (pure)
observation   what the clients of one job saw, as a line of JSON (pure)
counts        what must never happen
check         compares plan, log and observations of one job (pure)
bills         compares a bill with its log (pure)
lateness      ends that come too late, and errors that no outage excuses (pure)
failures      how many failures the injected faults explain (pure)
leftovers     what remains of deleted jobs
life          one job at one watcher: what was logged, pushed, lost and healed (pure)
report        the certificate as JSON and as lines for a terminal (pure)
page          the certificate as a page, with the pictures of `pictures` (pure)
product       a copy of the product, in which texts can be replaced
stack         one local stack in its own processes
processes     finds and kills processes of a stack
machine       how much of the machine other programs use
clients       one process of many callers
caller        what the clients of one job do
watchers      shows the events of a job, as the client of one language does
typescript    watchers that run the TypeScript client in Node
lists         what the live list of each owner showed; `list_followers` is the process that follows them
tokens        token providers of the users
eavesdropper  another owner, who tries every field of the schema; `documents` derives them (pure)
impostor      updates that no worker of the job would send
planting      records that a process which died has left
faults        kills processes and replaces handlers as the plan says
wire          a proxy in front of DynamoDB that fails calls, loses answers, and kills the caller between two writes
examination   examines each job as soon as its clients are done with it
quota         how many jobs each owner may start
environment   a copy of the product, a stack that runs it, and its ledger
arrivals      what clients have written, each examined once
load          the clients of a campaign, the faults meanwhile, and the examination of each job that is done
campaign      one run over one ledger, from the start of the stack to the last check
command       `python -m certify`, which `make certify` runs
mutant        what a small break of the product is
mutants       small breaks of the product, as data
mutation      `python -m certify.mutation`, which `make certify-mutants` runs: a small certificate on every mutant
"""

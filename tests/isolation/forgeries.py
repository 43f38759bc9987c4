"""Mutations of a caller who tries to push an event to another user, by aliases that rename what the filters read.

A job's id is the caller's choice, so it may be the id of another user.
"""

from typing import Final

_REST: Final = "jobId status sequence attempt model createdAt updatedAt"
_SELECTIONS: Final = (
    "{{ owner: jobId {rest} }}",
    "{{ owner: jobId {rest} audience {{ owner }} }}",
    "{{ owner: jobId {rest} audience: cost {{ owner: currency }} }}",
    "{{ owner: jobId {rest} ... on InferenceStatus {{ audience {{ ... on Audience {{ owner }} }} }} }}",
    "{{ ...Forged }} }} fragment Forged on InferenceStatus {{ owner: jobId {rest} audience {{ owner }}",
)
STARTS: Final = tuple(
    f"mutation($input: InferenceInput!) {{ startInference(input: $input) {it.format(rest=_REST)} }}"
    for it in _SELECTIONS
)
CANCELS: Final = tuple(
    f"mutation($jobId: ID!) {{ cancelInference(jobId: $jobId) {it.format(rest=_REST)} }}" for it in _SELECTIONS
)

"""Workloads: the contract between the worker and the work, a registry of models, and one module or folder per kind.

`contract` defines what a workload receives, yields and returns. `registry` maps a model's name to the module that runs
it. Every other module runs some models, or serves those that do. `docs/workloads.md` shows how to add one.
"""

from chalicelib.workloads.contract import (
    Checkpoint,
    Chunk,
    Outcome,
    Piece,
    Progress,
    Usage,
    Workload,
    WorkloadContext,
)

__all__ = ["Checkpoint", "Chunk", "Outcome", "Piece", "Progress", "Usage", "Workload", "WorkloadContext"]

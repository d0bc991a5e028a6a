"""What should run against what does run: the difference as a list of actions. Pure and level-triggered.

Desired state is compared with what is *observed* (what a backend lists, what heartbeats say), never with what was done
last time. The log of past actions serves one purpose: to notice a crash loop and back off.
"""

from __future__ import annotations

from pegel.reconcile.carry import carry_out
from pegel.reconcile.planner import plan
from pegel.reconcile.values import MOVES, Action, Desired, Kind, PastAction, Policy
from pegel.reconcile.wishes import JOB_STATE_VERSION, desired_groups, state_fingerprint

__all__ = [
    "JOB_STATE_VERSION",
    "MOVES",
    "Action",
    "Desired",
    "Kind",
    "PastAction",
    "Policy",
    "carry_out",
    "desired_groups",
    "plan",
    "state_fingerprint",
]

"""Names of the jobs that verbs ask for."""

from __future__ import annotations


def verb_job(service: str, verb: str) -> str:
    """Name of the job of a verb: `keystone/verb-rotate-keys`."""
    return f"{service}/verb-{verb}"


def verb_check(service: str, verb: str) -> str:
    """Name of the job that is run before that of a verb: `mariadb/before-restore`."""
    return f"{service}/before-{verb}"


def verb_choice(service: str, verb: str) -> str:
    """Name of the job by which a verb chooses a host: `mariadb/choice-mariadb-recovery`."""
    return f"{service}/choice-{verb}"


def occupied_job(service: str) -> str:
    """Name of the job that says whether a host may leave: `nova/host-occupied`."""
    return f"{service}/host-occupied"


def forget_job(service: str) -> str:
    """Name of the job by which a service forgets a host: `nova/host-forget`."""
    return f"{service}/host-forget"

"""What the verbs of `kolla.api` return: something to show, something to serialise, an exit code."""

from kolla.results.files import Adopted, Written
from kolla.results.hosts import Changes, Findings, Holdings, Ran
from kolla.results.images import Built, ScanDiff
from kolla.results.listings import Lines, Listing, Rows
from kolla.results.plans import Deployed, Done, Planned, check_warnings

__all__ = [
    "Adopted",
    "Built",
    "Changes",
    "Deployed",
    "Done",
    "Findings",
    "Holdings",
    "Lines",
    "Listing",
    "Planned",
    "Ran",
    "Rows",
    "ScanDiff",
    "Written",
    "check_warnings",
]

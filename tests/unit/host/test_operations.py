"""A request's operations, carried out; what one of them does is not the question here."""

import pytest

from kolla.host import operations
from kolla.host.context import Outcome
from kolla.host.errors import OperationFailed


def perform(operation, context):
    if operation["id"] == "bad":
        raise OperationFailed("no")
    return Outcome()


@pytest.fixture
def told(monkeypatch):
    """Operations of one kind; `bad` fails."""
    monkeypatch.setattr(operations, "PERFORM", {"made": perform})
    monkeypatch.setattr(operations, "THREADS", 1)

    def carry_out(after, stop_at_failure):
        events = []
        request = [{"id": id, "kind": "made", "after": ids} for id, ids in after.items()]
        operations.perform_all(request, None, events.append, stop_at_failure=stop_at_failure)
        return {event["operation"]: (event["status"], event["message"]) for event in events}

    return carry_out


AFTER = {"bad": [], "waits": ["bad"], "free": [], "later": ["free"]}


def test_a_failure_blocks_what_waits_for_it_and_the_others_go_on(told):
    ended = told(AFTER, False)
    assert {id: status for id, (status, _) in ended.items()} == {
        "bad": "failed",
        "waits": "blocked",
        "free": "done",
        "later": "done",
    }


def test_after_a_failure_nothing_further_is_begun_where_that_was_asked_for(told):
    ended = told(AFTER, True)
    assert ended["bad"] == ("failed", "no")
    assert ended["waits"] == ("blocked", "waits for bad, which failed")
    assert ended["later"] == ("blocked", "bad failed, and nothing further is begun")

"""What is asked of hosts, and what their answers mean. No I/O: answers come in, requests go out."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Any

from kolla.ansible import plays
from kolla.ansible.outcome import BrokenHost, Outcome, Result
from kolla.errors import KollaError
from kolla.events import Event, Listener
from kolla.state.plan import Operation, Plan

Answer = dict[str, Any]
Conversation = Generator[tuple[str, Mapping[str, Any]], Answer, None]
"""What is asked of one host in one step: yields (verb, request), is sent the answer."""

PHASE = "deploy"
"""The phase that events of operations belong to."""


class Conversations:
    """The conversations of one run of the playbook. Called by one thread at a time."""

    def __init__(self, hosts_of_steps: Sequence[Collection[str]]) -> None:
        self.hosts_of_steps = hosts_of_steps
        self.broken: dict[str, BrokenHost] = {}
        self._open: dict[str, Conversation] = {}
        self._step_of: dict[str, int] = {}

    def begin(self, host: str, step: int) -> Conversation:
        """The conversation with `host` in `step`; it may be empty."""
        raise NotImplementedError

    def interrupt(self) -> bool:
        """Ctrl-C was pressed. True: wait for a clean end, it will come; False: end now."""
        return False

    def next(self, host: str, step: int, answer: Answer | None) -> tuple[str, Mapping[str, Any]] | None:
        """The next (verb, request) for `host`, given its answer to the last one; None when there is none."""
        if answer is None:
            self._open[host] = self.begin(host, step)
            self._step_of[host] = step
        try:
            return self._open[host].send(answer)  # type: ignore[arg-type]
        except StopIteration:
            return None

    def broke(self, host: BrokenHost) -> None:
        """`host` cannot be reached, or its code failed: its conversation is over."""
        self._step_of.setdefault(host.host, 0)
        self.broken.setdefault(host.host, host)


class Asking(Conversations):
    """One request for each host."""

    def __init__(self, verb: str, requests: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__([requests])
        self._verb = verb
        self._requests = requests
        self.answers: dict[str, Answer] = {}

    def begin(self, host: str, step: int) -> Conversation:
        """Its request."""
        self.answers[host] = yield self._verb, self._requests[host]


class Applying(Conversations):
    """A plan, step by step, then the leases given back."""

    def __init__(
        self,
        plan: Plan,
        bundle: Mapping[str, bytes],
        owner: Mapping[str, Any],
        lock_timeout: int,
        on_event: Listener,
    ) -> None:
        """KollaError when `bundle` lacks a file that the plan writes."""
        missing = plays.contents(plan.operations) - bundle.keys()
        if missing:
            raise KollaError(
                f"the plan writes files that are not there any more: {', '.join(sorted(missing))}",
                hint="settings have changed since the plan was made; run: kolla plan",
            )
        self._steps = plays.steps(plan)
        hosts = {operation.host for operation in plan.operations}
        super().__init__([hosts, *self._steps[1:], hosts])
        self._bundle = bundle
        self._owner = owner
        self._lock_timeout = lock_timeout
        self._on_event = on_event
        self._leased: set[str] = set()
        self._last_step = len(self._steps) - 1
        self.outcome = Outcome(run=uuid.uuid4().hex, broken=self.broken)
        for operation in plan.operations:
            self.outcome.results[operation.id] = Result(operation.host, "not started")

    def begin(self, host: str, step: int) -> Conversation:
        """Its operations of the step; after the last step, the end of its lease."""
        if step == len(self._steps):
            return self._release(host)
        return self._apply(host, step)

    def interrupt(self) -> bool:
        """Begin nothing more on any host."""
        self._last_step = -1
        self.outcome.interrupted = True
        self._on_event(Event("stop", "started", message="waiting for what runs on the hosts"))
        return True

    def broke(self, host: BrokenHost) -> None:
        """No later step begins."""
        super().broke(host)
        self._stop_after(self._step_of[host.host])

    def _stop_after(self, step: int) -> None:
        self._last_step = min(self._last_step, step)

    def _apply(self, host: str, step: int) -> Conversation:
        if step > self._last_step:
            return
        operations = self._steps[step].get(host, ())
        answer = yield "apply", self._request(operations)
        if "error" in answer:
            self._stop_after(step)
            if answer["error"] == "locked":
                self.outcome.locked[host] = answer.get("lease") or {}
            else:
                self.outcome.refused[host] = answer.get("message") or answer["error"]
            return
        self._leased.add(host)
        for operation in operations:
            self.outcome.results[operation.id] = Result(
                host, "unknown", message="the host did not tell how it ended"
            )
        while not answer.get("finished"):
            answer = yield "follow", {"run": self.outcome.run, "offset": answer["offset"]}
            for event in answer["events"]:
                self._happened(host, event)
        for operation in operations:
            result = self.outcome.results[operation.id]
            if result.status == "unknown":
                self._on_event(Event(PHASE, "failed", operation.id, host, message=result.message))
        if any(self.outcome.results[o.id].status not in ("done", "skipped") for o in operations):
            self._stop_after(step)

    def _request(self, operations: Sequence[Operation]) -> dict[str, Any]:
        return {
            "run": self.outcome.run,
            "owner": dict(self._owner),
            "operations": [operation.model_dump(mode="json") for operation in operations],
            "bundle": {
                digest: base64.b64encode(self._bundle[digest]).decode()
                for digest in sorted(plays.contents(operations))
            },
            "lock_timeout": self._lock_timeout,
        }

    def _happened(self, host: str, event: Mapping[str, Any]) -> None:
        status, operation = event["status"], event.get("operation", "")
        if operation not in self.outcome.results:
            return
        seconds, message, log = (
            event.get("seconds", 0.0),
            event.get("message", ""),
            tuple(event.get("log") or ()),
        )
        if status != "started":
            self.outcome.results[operation] = Result(host, status, seconds, message, log)
        self._on_event(Event(PHASE, status, operation, host, seconds, message, log))

    def _release(self, host: str) -> Conversation:
        broken = self.broken.get(host)
        if host in self._leased and not (broken and broken.unreachable):
            yield "release", {"run": self.outcome.run}

"""What is asked of hosts, and what their answers mean. No I/O: answers come in, requests go out."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from kolla.ansible import plays
from kolla.ansible.outcome import SUCCESS, BrokenHost, BrokenHostsError, Outcome, Result, refusal
from kolla.errors import InputError, KollaError, LockedError
from kolla.events import Event, Listener, ignore
from kolla.state.plan import Operation, Plan, SoakOperation

Answer = dict[str, Any]
Conversation = Generator[tuple[str, Mapping[str, Any]], Answer, None]
"""What is asked of one host in one step: yields (verb, request), is sent the answer."""
Exchange = Generator[tuple[str, Mapping[str, Any]], Answer, Answer]
"""A part of a conversation that ends in an answer."""
LOCK_TIMEOUT = 60
"""Seconds that a single request waits for another deployer."""
NO_WORD = "the host did not tell how it ended"


Ended = Literal["in progress", "done", "failed", "interrupted"]
Note = Callable[[str, Ended], Mapping[str, Any]]
"""What a host keeps of a change of which so much is known: `revision`, and how many of them to `keep`."""


class Circumstances(TypedDict, total=False):
    """What all conversations may be told."""

    on_event: Listener
    phase: str
    """What their events belong to."""
    has_ended: Callable[[Mapping[str, Any]], bool]
    """Whether the owner of a lease is known to have ended."""


class Conversations:
    """The conversations of one run of the playbook. Called by one thread at a time."""

    def __init__(
        self,
        hosts_of_steps: Sequence[Collection[str]],
        on_event: Listener = ignore,
        phase: str = "deploy",
        has_ended: Callable[[Mapping[str, Any]], bool] = lambda owner: False,
    ) -> None:
        self.hosts_of_steps = hosts_of_steps
        self._on_event = on_event
        self._phase = phase
        self._has_ended = has_ended
        self.broken: dict[str, BrokenHost] = {}
        self.refusals: dict[str, Answer] = {}
        self._open: dict[str, Conversation] = {}
        """The last conversation with each host that was met."""

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
        conversation = self._open[host]
        try:
            return next(conversation) if answer is None else conversation.send(answer)
        except StopIteration:
            return None

    def _ask(self, host: str, verb: str, request: Mapping[str, Any], lock_timeout: int) -> Exchange:
        """Ask, and when another deployer holds the host, say so and ask again with `lock_timeout` seconds
        of patience; without any for a deployer that ended and left its lease."""
        answer = yield verb, request
        if answer.get("error") != "locked":
            return answer
        lease = answer.get("lease")
        if lease and self._has_ended(lease["owner"]):
            request = {**request, "gone": lease["run"]}
        elif not lock_timeout:
            return answer
        message = f"waiting up to {lock_timeout} s: {answer['message']}"
        self._on_event(Event(self._phase, "started", "lock", host, message=message))
        answer = yield verb, {**request, "lock_timeout": lock_timeout}
        self._on_event(Event(self._phase, "failed" if "error" in answer else "done", "lock", host))
        return answer

    def broke(self, host: BrokenHost) -> None:
        """`host` cannot be reached, or its code failed: its conversation is over."""
        self.broken.setdefault(host.host, host)

    def check(self) -> None:
        """Raise what went wrong with hosts as a whole: a lock, a refusal, one that broke, one unknown."""
        errors = [refusal(host, self.refusals[host]) for host in sorted(self.refusals)]
        for error in sorted(errors, key=lambda error: not isinstance(error, LockedError)):
            raise error
        if self.broken:
            raise BrokenHostsError(self.broken)
        unknown = {host for hosts in self.hosts_of_steps for host in hosts} - self._open.keys()
        if unknown:
            raise InputError(f"not in the inventory: {', '.join(sorted(unknown))}")


class Asking(Conversations):
    """One request for each host."""

    def __init__(
        self,
        verb: str,
        requests: Mapping[str, Mapping[str, Any]],
        **circumstances: Unpack[Circumstances],
    ) -> None:
        super().__init__([requests], **circumstances)
        self._verb = verb
        self._requests = requests
        self._answers: dict[str, Answer] = {}

    @property
    def answers(self) -> dict[str, Answer]:
        """By host, in the order of the requests."""
        return {host: self._answers[host] for host in self._requests if host in self._answers}

    def begin(self, host: str, step: int) -> Conversation:
        """Its request."""
        answer = yield from self._ask(host, self._verb, self._requests[host], LOCK_TIMEOUT)
        if "error" in answer:
            self.refusals[host] = answer
        else:
            self._answers[host] = answer


class Applying(Conversations):
    """A plan, step by step, then the leases given back."""

    def __init__(
        self,
        plan: Plan,
        bundle: Mapping[str, bytes],
        owner: Mapping[str, Any],
        lock_timeout: int,
        note: Note | None = None,
        **circumstances: Unpack[Circumstances],
    ) -> None:
        """`note`: what hosts keep of the change. KollaError when `bundle` lacks a file of the plan."""
        missing = plays.contents(plan.operations) - bundle.keys()
        if missing:
            raise KollaError(
                f"the plan writes files that are not there any more: {', '.join(sorted(missing))}",
                hint="settings have changed since the plan was made; run: kolla plan",
            )
        self._steps = plays.steps(plan)
        self._stop_at_failure = plan.stop_at_failure
        self._max_fail = plan.max_fail
        self._hosts = {operation.host for operation in plan.operations}
        soaks = (operation for operation in plan.operations if isinstance(operation, SoakOperation))
        self._longest_soak = max((operation.seconds for operation in soaks), default=0)
        super().__init__([self._hosts, *self._steps[1:], self._hosts], **circumstances)
        self._bundle = bundle
        self._owner = owner
        self._lock_timeout = lock_timeout
        self._note = note
        self._interrupted = False
        self._leased: set[str] = set()
        self._may_begin: dict[int, bool] = {}
        self._unfinished: set[str] = set()
        self.outcome = Outcome(run=uuid.uuid4().hex)
        for operation in plan.operations:
            self.outcome.operations[operation.id] = Result(operation.host, "blocked")

    def begin(self, host: str, step: int) -> Conversation:
        """Its operations of the step; after the last step, the end of its lease."""
        if step == len(self._steps):
            return self._release(host)
        if step not in self._may_begin:
            self._may_begin[step] = step == 0 or self._went_well(step - 1)
        return self._apply(host, step)

    def interrupt(self) -> bool:
        """Begin nothing more on any host."""
        self._interrupted = True
        self._on_event(Event("stop", "started", message="waiting for what runs on the hosts"))
        return True

    def broke(self, host: BrokenHost) -> None:
        """What was handed to the host has no known end."""
        super().broke(host)
        for operation, result in self.outcome.operations.items():
            if result.host == host.host and operation in self._unfinished:
                self._happened(host.host, {"operation": operation, "status": "failed", "message": NO_WORD})

    def check(self) -> None:
        """Raise also KeyboardInterrupt, when there was one."""
        if self._interrupted:
            raise KeyboardInterrupt
        super().check()

    def _went_well(self, step: int) -> bool:
        """Whether the next step may begin."""
        return (
            self._leased == self._hosts
            and not self.refusals
            and self._may_begin.get(step, False)
            and len(self._failed_hosts) <= self._max_fail
        )

    @property
    def _failed_hosts(self) -> set[str]:
        results = self.outcome.operations.values()
        return {*self.broken, *(result.host for result in results if result.status == "failed")}

    def _may_apply(self, host: str, step: int) -> bool:
        """Whether a host is given anything of a step."""
        if self._interrupted or not self._may_begin[step] or host in self.broken:
            return False
        failed = self._failed_hosts
        return not self._stop_at_failure or (host not in failed and len(failed) <= self._max_fail)

    def _due(self, operations: Sequence[Operation]) -> tuple[Operation, ...]:
        """Those of a host's operations of a step that wait for nothing that failed or was not begun."""
        found: dict[str, Operation] = {}
        for operation in operations:
            waits_for = (id_ for id_ in operation.after if id_ not in operation.bears)
            results = {id_: self.outcome.operations.get(id_) for id_ in waits_for}
            if all(id_ in found or r is None or r.status in SUCCESS for id_, r in results.items()):
                found[operation.id] = operation
        return tuple(found.values())

    def _apply(self, host: str, step: int) -> Conversation:
        if not self._may_apply(host, step):
            return
        operations = self._due(self._steps[step].get(host, ()))
        if step and not operations:
            return
        request = self._request(operations)
        if step == 0 and self._note is not None:
            request["note"] = self._note(host, "in progress")
        answer = yield from self._ask(host, "apply", request, self._lock_timeout)
        if "error" in answer:
            self.refusals[host] = answer
            return
        self._leased.add(host)
        self._unfinished |= {operation.id for operation in operations}
        died: Mapping[str, Any] = {"message": NO_WORD}
        while not answer.get("finished"):
            answer = yield "follow", {"run": self.outcome.run, "offset": answer["offset"]}
            for event in answer["events"]:
                self._happened(host, event)
                if event["status"] == "died":
                    died = event
        for operation in operations:
            if operation.id in self._unfinished:
                self._happened(host, {**died, "operation": operation.id, "status": "failed"})

    def _request(self, operations: Sequence[Operation]) -> dict[str, Any]:
        return {
            "run": self.outcome.run,
            "owner": dict(self._owner),
            # While others are watched, a host is asked nothing, and is to wait for us.
            "silence": self._longest_soak,
            "stop_at_failure": self._stop_at_failure,
            "operations": [operation.model_dump(mode="json") for operation in operations],
            "bundle": {
                digest: base64.b64encode(self._bundle[digest]).decode()
                for digest in sorted(plays.contents(operations))
            },
        }

    def _happened(self, host: str, event: Mapping[str, Any]) -> None:
        operation = event.get("operation", "")
        if operation not in self.outcome.operations:
            return
        status = event["status"]
        seconds = event.get("seconds", 0.0)
        message = event.get("message", "")
        log = tuple(event.get("log") or ())
        if status != "started":
            self.outcome.operations[operation] = Result(host, status, seconds, message, log)
            self._unfinished.discard(operation)
        self._on_event(Event(self._phase, status, operation, host, seconds, message, log))

    def _release(self, host: str) -> Conversation:
        broken = self.broken.get(host)
        if host in self._leased and not (broken and broken.unreachable):
            note = {"note": self._note(host, self._result)} if self._note is not None else {}
            yield "release", {"run": self.outcome.run, **note}

    @property
    def _result(self) -> Ended:
        """What came of it, once the last step is over."""
        if self._interrupted:
            return "interrupted"
        return "failed" if self.outcome.failures() else "done"

"""Shows nothing; tells the executor of hosts where a task failed or that cannot be reached."""

from __future__ import annotations

from typing import Any

from ansible.plugins.callback import CallbackBase

from kolla.ansible.channel import Client

DOCUMENTATION = """
    name: kolla_events
    type: stdout
    short_description: failures to the executor of kolla
    description: Prints nothing. Failed and unreachable hosts are told to the executor over its channel.
"""


class CallbackModule(CallbackBase):
    """One message for each host that broke."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "kolla_events"

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task failed."""
        self._tell(result, unreachable=False)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host cannot be reached."""
        self._tell(result, unreachable=True)

    def _tell(self, result: Any, unreachable: bool) -> None:
        host = result._host
        executor = Client()
        executor.call(
            kind="broken",
            host=host.get_name(),
            address=str(host.get_vars().get("ansible_host", host.get_name())),
            unreachable=unreachable,
            message=str(result._result.get("msg", "no message")).removeprefix("Task failed: "),
        )
        executor.close()

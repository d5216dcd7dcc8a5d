"""The task `kolla_host`: carries requests from the executor to the code on a host, and answers back."""

from __future__ import annotations

import base64
import json
import multiprocessing
import shlex
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from kolla.ansible.channel import Client
from kolla.ansible.process import group_dies_with

PYTHON = "/usr/bin/python3"
MISSING = 90
"""Exit status that says: the code is not on the host yet. Outside what Python and shells use."""

UNPACK = """\
import io, os, shutil, sys, tempfile, zipfile
directory = sys.argv[1]
os.umask(0o077)
os.makedirs(os.path.dirname(directory), exist_ok=True)
made = tempfile.mkdtemp(dir=os.path.dirname(directory))
zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())).extractall(made)
try:
    os.rename(made, directory)
except OSError:
    shutil.rmtree(made)
    if not os.path.isdir(directory):
        raise
"""


class ActionModule(ActionBase):
    """Asks of the host whatever the executor says, until it says nothing more."""

    _requires_connection = True
    _supports_check_mode = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return an empty result: answers go to the executor, never through Ansible.

        AnsibleActionFail when the code on the host cannot run or fails; connection errors pass through.
        """
        if (ansible := multiprocessing.parent_process()) is not None and ansible.pid is not None:
            group_dies_with(ansible.pid)
        if Display().verbosity > 2:
            # From -vvv on the ssh connection would show what the host answers.
            self._connection._play_context.no_log = True
        variables = task_vars or {}
        host = variables["inventory_hostname"]
        self._python = self._interpreter(variables)
        self._executor = Client()
        try:
            answer = None
            while demand := self._executor.call(
                kind="next", step=self._task.args["step"], host=host, answer=answer
            ):
                answer = self._ask(demand["program"], demand["verb"], demand["request"])
        finally:
            self._executor.close()
        return {"changed": False}

    def _interpreter(self, variables: dict[str, Any]) -> str:
        chosen = self._templar.template(variables.get("ansible_python_interpreter", PYTHON))
        return PYTHON if chosen.startswith("auto") else chosen

    def _ask(self, program: str, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        directory = shlex.quote(program)
        command = f"test -d {directory} || exit {MISSING}; exec {self._python} -I {directory} {verb}"
        payload = json.dumps(request).encode()
        result = self._low_level_execute_command(command, in_data=payload)
        if result["rc"] == MISSING:
            self._place(program)
            result = self._low_level_execute_command(command, in_data=payload)
        self._check(result, f"'{verb}' failed on the host")
        try:
            answer: dict[str, Any] = json.loads(result["stdout"][result["stdout"].index("{") :])
        except ValueError as error:
            raise AnsibleActionFail(f"'{verb}' gave no answer on the host ({error})") from None
        return answer

    def _place(self, program: str) -> None:
        archive = base64.b64decode(self._executor.call(kind="archive"))
        command = f"{self._python} -I -c {shlex.quote(UNPACK)} {shlex.quote(program)}"
        result = self._low_level_execute_command(command, in_data=archive)
        self._check(result, f"the code for the host could not be put into {program}")

    def _check(self, result: dict[str, Any], what: str) -> None:
        if result["rc"] == 0:
            return
        said = "\n".join(result["stderr"].strip().splitlines()[-20:])
        if result["rc"] in (126, 127):
            what = f"{self._python} cannot be run on the host"
        raise AnsibleActionFail(f"{what} (exit status {result['rc']}): {said or 'it said nothing'}")

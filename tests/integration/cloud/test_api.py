"""The example of docs/api.md, as it stands there."""

import os
import re
import threading
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def example(tiny) -> dict[str, Any]:
    """What the code of the page defines, for this cloud."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    usual = 'Cloud(Path("/etc/kolla"),'
    assert code.count(usual) == 1
    own = f"Cloud(Path({str(tiny.directory)!r}), service_paths=[Path({str(tiny.service_path)!r})],"
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code.replace(usual, own), str(PAGE), "exec"), names)
    return names


def children() -> set[str]:
    return {
        child
        for task in Path(f"/proc/{os.getpid()}/task").iterdir()
        for child in (task / "children").read_text().split()
    }


def test_the_example_plans_looks_and_applies(tiny, capfd):
    built = tiny.cloud.build([f"^{tiny.name}$"])
    assert built.exit_code == 0, built.text()
    before = threading.enumerate(), children()
    main = example(tiny)["main"]
    assert main() == 0, "a first deploy interrupts nobody"
    assert "operations done" in capfd.readouterr().out
    assert main() == 0
    assert "Nothing to do" in capfd.readouterr().out
    tiny.set(**{f"{tiny.name.replace('-', '_')}_greeting": "Good evening"})
    assert main() == 2, "its only container would restart"
    assert "Somebody would notice" in capfd.readouterr().out
    tiny.set(network_interface="nothing-like-that", no_such_key=1)
    assert main() == 1
    assert "unknown key 'no_such_key'" in capfd.readouterr().err
    assert (threading.enumerate(), children()) == before, "nothing runs in the background"

"""From `kolla service new` to an answer, and back to nothing."""

import json
import urllib.request


def ask(path="/"):
    with urllib.request.urlopen(f"http://127.0.0.1:9500{path}", timeout=10) as answer:
        return json.load(answer)


def test_a_new_service_builds_deploys_and_answers(tiny):
    built = tiny.cloud.build([f"^{tiny.name}$"])
    assert built.exit_code == 0, built.text()
    deployed = tiny.cloud.deploy()
    assert (deployed.exit_code, deployed.remaining.operations) == (0, ()), deployed.text()
    assert ask() == {"greeting": "Hello", "count": 1}
    checked = tiny.cloud.check([tiny.name])
    assert (checked.exit_code, len(checked.findings)) == (0, 2), checked.text()


def test_it_is_a_set(tiny):
    (row,) = tiny.cloud.status_of_sets([tiny.name]).rows
    assert (row["running"], row["health"], row["version"]) == ("1/1", "healthy", "2026.1")
    assert row["checks"] == f"{tiny.name}/check-greeting"
    planned = tiny.cloud.plan_power("restart", [tiny.name])
    assert [operation.impact.interrupted for operation in planned.plan.operations] == [(tiny.name,)]
    assert tiny.cloud.power("restart", [tiny.name], planned.plan).exit_code == 0
    assert tiny.cloud.stop([tiny.name]).exit_code == 0
    assert tiny.cloud.status([tiny.name]).rows[0]["state"] == "exited"
    assert tiny.cloud.stop([tiny.name]).text() == "Nothing to do: all of it is so already."
    assert tiny.cloud.start([tiny.name]).exit_code == 0
    assert ask()["count"] > 1, "its volume was kept"


def test_what_destroy_would_remove_is_named(tiny):
    (found,) = tiny.cloud.holdings(volumes=True).hosts.values()
    engine_name = tiny.name.replace("-", "_")
    assert found["containers"] == [engine_name]
    assert set(found["volumes"]) == {f"{tiny.name}_logs", engine_name}
    assert found["volumes"][engine_name] > 0

"""Jobs on a real engine."""

from pathlib import Path

from kolla.state.spec import Mount

from .conftest import on_every_engine

pytestmark = on_every_engine


def gone(host, operation):
    return host.containers() == [] and not Path(operation["folder"]["path"]).exists()


def test_a_job_runs_once_for_its_key(host):
    operation = host.job("sync", "echo noise; echo '{\"rows\": 3}'; echo warning >&2\n")
    event = host.do(operation)
    assert event["message"] == '{"rows": 3}'
    assert gone(host, operation)
    assert host.observe()["jobs"] == {"test/sync": {"key": "k1", "epochs": {}}}
    host.do(operation, "skipped")
    host.do({**operation, "key": "k2"})
    host.do({**operation, "key": "k2", "epochs": {"here/data": "e"}})
    assert host.observe()["jobs"] == {"test/sync": {"key": "k2", "epochs": {"here/data": "e"}}}


def test_a_failed_job_shows_its_log_and_leaves_nothing(host):
    operation = host.job("sync", "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; done; exit 3\n")
    event = host.do(operation, "failed")
    assert event["message"] == "job 'test/sync' ended with exit status 3"
    assert event["log"] == [f"line {i}" for i in range(21, 61)]
    assert gone(host, operation)
    assert host.observe()["jobs"] == {}


def test_a_check_leaves_no_record(host):
    operation = host.job("check", "true\n", record=False)
    host.do(operation)
    host.do(operation)
    assert host.observe()["jobs"] == {}


def test_a_job_has_only_its_time(host):
    operation = host.job("slow", "echo began; sleep 60\n", timeout=1)
    event = host.do(operation, "failed")
    assert event["message"] == "job 'test/slow' did not finish within 1 s"
    assert event["log"] == ["began"]
    assert gone(host, operation)


def test_the_container_of_a_killed_run_may_finish_before_the_job_runs_again(host):
    mount = Mount(type="volume", source=host.name("data"), target="/data")
    host.do(host.volume("data"))
    operation = host.job("sync", "echo begin >>/data/log; sleep 1; echo end >>/data/log\n", mounts=(mount,))
    begun = host.begin(operation)
    log = Path(host.engine.api.inspect_volume(host.name("data"))["Mountpoint"], "log")
    host.wait_for(log.exists)
    host.kill(begun)
    host.do(operation)
    assert log.read_text().split() == ["begin", "end", "begin", "end"]


def test_the_container_of_a_killed_run_that_never_ends_does_not_eat_the_time_of_the_job(host):
    begun = host.begin(host.job("sync", "sleep 60\n"))
    host.wait_for(lambda: host.containers() == ["sync"])
    host.kill(begun)
    host.do(host.job("sync", "true\n", timeout=3))


def test_a_job_that_replaces_data_renews_the_epoch_once_it_is_done(host):
    volume = host.volume("data")
    host.do(volume)
    mount = Mount(type="volume", source=host.name("data"), target="/data")
    failing = host.job("swap", "exit 1\n", mounts=(mount,), renews={host.name("data"): "later"}, record=False)
    host.do(failing, "failed")
    assert host.observe()["volumes"] == {host.name("data"): volume["epoch"]}
    job = host.job(
        "swap", "echo >/data/new\n", mounts=(mount,), renews={host.name("data"): "later"}, record=False
    )
    host.do(job)
    assert host.observe()["volumes"] == {host.name("data"): "later"}
    host.do(volume, "skipped")
    assert host.observe()["volumes"] == {host.name("data"): "later"}
    host.engine.volumes.get(host.name("data")).remove()
    host.do(volume)
    assert host.observe()["volumes"] == {host.name("data"): volume["epoch"]}

"""The start script under the privileges the deployer gives: few capabilities, no new privileges."""

from __future__ import annotations

import time
from collections.abc import Callable

from docker.models.containers import Container

from .conftest import Launcher, execute


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def wait_for_file(container: Container, path: str) -> None:
    wait_until(lambda: execute(container, "test", "-e", path)[0] == 0)


STATUS = r"grep -E ^(Uid|Gid|Cap|NoNewPrivs) /proc/self/status"


def test_the_process_belongs_to_the_image_user_without_any_capability(launcher: Launcher) -> None:
    launcher.configure(STATUS)
    status, output = launcher.finish()
    assert status == 0, output
    lines = dict(line.split(":\t", 1) for line in output.splitlines() if ":\t" in line)
    assert lines["Uid"].split() == ["4242"] * 4
    assert lines["Gid"].split() == ["4242"] * 4
    assert {lines[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert lines["NoNewPrivs"] == "1"
    assert f"Running command: '{STATUS}'" in output


def test_the_configuration_may_name_another_user(launcher: Launcher) -> None:
    launcher.configure("id -un", user="daemon")
    assert launcher.finish() == (0, "Running command: 'id -un'\ndaemon\n")


def test_an_unknown_user_is_named(launcher: Launcher) -> None:
    launcher.configure("id", user="nobody-here")
    status, output = launcher.finish()
    assert status == 1
    assert "this image has no user 'nobody-here' (named by /run_user)" in output


def test_root_keeps_the_container_capabilities(launcher: Launcher, root_image: str) -> None:
    launcher.image = root_image
    launcher.configure("grep CapEff /proc/self/status")
    status, output = launcher.finish()
    assert (status, output.split()[-1] != "0" * 16) == (0, True)


def test_files_are_placed_for_the_user_and_unchanged_afterwards(launcher: Launcher) -> None:
    launcher.write("app.conf", "secret")
    launcher.configure("sleep infinity", {"source": "app.conf", "dest": "/etc/app/"})
    container = launcher.start()
    wait_for_file(container, "/run_command")
    assert execute(container, "stat", "-c", "%U:%G %a", "/etc/app/app.conf")[1] == "app:app 600\n"
    assert execute(container, "kolla_set_configs", "--check")[0] == 0
    launcher.write("app.conf", "changed")
    status, output = execute(container, "kolla_set_configs", "--check")
    assert (status, output) == (1, "kolla_set_configs: /etc/app/app.conf differs in content\n")
    container.restart(timeout=5)
    wait_until(lambda: execute(container, "kolla_set_configs", "--check")[0] == 0)


def test_faulty_configuration_stops_the_start_with_its_exit_code(launcher: Launcher) -> None:
    launcher.configure("true", {"source": "absent", "dest": "/etc/app/"})
    status, output = launcher.finish()
    assert status == 1
    assert "config_files[0]: source /var/lib/kolla/config_files/absent does not exist" in output
    launcher.configure("true", direktories=[])
    status, output = launcher.finish()
    assert status == 2
    assert "direktories: unknown key, did you mean 'directories'?" in output


def test_words_are_split_and_nothing_else_of_the_shell_happens(launcher: Launcher) -> None:
    launcher.configure("printf <%s> /etc/host* $HOME 'a  b' ; `id` && >x")
    _, output = launcher.finish()
    assert output.splitlines()[1] == "</etc/host*><$HOME><'a><b'><;><`id`><&&><>x>"


def test_home_is_the_user_home(launcher: Launcher) -> None:
    launcher.configure("printenv HOME USER")
    assert launcher.finish()[1].splitlines()[1:] == ["/var/lib/app", "app"]


EXTEND = {"bind": "/usr/local/bin/kolla_extend_start", "mode": "ro"}


def test_extend_start_may_add_arguments_or_end_the_start(launcher: Launcher) -> None:
    launcher.configure("echo command")
    launcher.write("extend", 'ARGS="and more"')
    launcher.write("end", "echo done; exit 0")
    configuration = {str(launcher.folder): {"bind": "/var/lib/kolla/config_files", "mode": "ro"}}
    extend = {**configuration, str(launcher.folder / "extend"): EXTEND}
    end = {**configuration, str(launcher.folder / "end"): EXTEND}
    assert launcher.finish(volumes=extend) == (
        0,
        "Running command: 'echo command and more'\ncommand and more\n",
    )
    assert launcher.finish(volumes=end) == (0, "done\n")
    skipped = launcher.finish(volumes=end, environment={"KOLLA_SKIP_EXTEND_START": ""})
    assert skipped == (0, "Running command: 'echo command'\ncommand\n")


def test_the_signal_to_end_reaches_the_process(launcher: Launcher) -> None:
    launcher.write("serve", "trap 'echo ending; exit 7' TERM; touch /tmp/up; while :; do sleep 0.1; done\n")
    launcher.configure("bash /etc/app/serve", {"source": "serve", "dest": "/etc/app/"})
    container = launcher.start()
    wait_for_file(container, "/tmp/up")
    container.stop(timeout=10)
    container.reload()
    assert container.attrs["State"]["ExitCode"] == 7
    assert container.logs().decode().endswith("ending\n")


def test_started_by_another_user_it_does_what_that_user_may(launcher: Launcher) -> None:
    launcher.write("app.conf", "x", mode=0o644)
    launcher.configure("id -un", {"source": "app.conf", "dest": "/var/lib/app/"})
    (launcher.folder / "config.json").chmod(0o644)
    launcher.folder.chmod(0o755)
    status, output = launcher.finish(user="app", cap_add=[])
    assert (status, "Permission denied" in output) == (2, True)
    # An image that is to run so brings what is written outside the user's own directories.
    prepare = "touch /run_command && chown -R app /run_command /etc/kolla"
    prepared = launcher.start(entrypoint=["bash", "-c", prepare])
    assert prepared.wait(timeout=60)["StatusCode"] == 0
    launcher.image = prepared.commit().id
    options = {"entrypoint": ["dumb-init", "--single-child", "--"], "command": ["kolla_start"]}
    status, output = launcher.finish(user="app", cap_add=[], **options)
    launcher.containers.pop().remove(force=True)
    launcher.engine.images.remove(launcher.image, force=True)
    assert (status, output) == (0, "Running command: 'id -un'\napp\n")


def test_authorities_come_and_go(launcher: Launcher) -> None:
    launcher.configure("sleep infinity")
    generate = "openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=Mine"
    certificate = launcher.finish(entrypoint=generate.split(), volumes={})[1]
    certificate = certificate[certificate.index("-----BEGIN CERTIFICATE") :]
    launcher.write("ca-certificates/mine.crt", certificate)
    container = launcher.start()
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    line = certificate.splitlines()[1]
    wait_until(lambda: execute(container, "grep", "-qF", line, bundle)[0] == 0)
    (launcher.folder / "ca-certificates/mine.crt").unlink()
    (launcher.folder / "ca-certificates").rmdir()
    container.restart(timeout=5)
    wait_until(lambda: execute(container, "grep", "-qF", line, bundle)[0] == 1)
    assert execute(container, "grep", "-c", "BEGIN CERTIFICATE", bundle)[1].strip() != "0"


def test_the_program_for_authorities_starts_only_where_there_are_some(launcher: Launcher) -> None:
    launcher.configure("true")
    launcher.write("called", "#!/bin/sh\necho called\n", mode=0o755)
    volumes = {
        str(launcher.folder): {"bind": "/var/lib/kolla/config_files", "mode": "ro"},
        str(launcher.folder / "called"): {"bind": "/usr/local/bin/kolla_copy_cacerts", "mode": "ro"},
    }
    assert launcher.finish(volumes=volumes) == (0, "Running command: 'true'\n")
    launcher.write("ca-certificates/mine.crt", "")
    assert launcher.finish(volumes=volumes) == (0, "called\nRunning command: 'true'\n")


def test_a_volume_inside_a_destination_is_never_emptied(launcher: Launcher) -> None:
    launcher.write("folder/file", "new")
    launcher.write("data/precious", "kept", mode=0o644)
    launcher.configure("true", {"source": "folder", "dest": "/etc/app"})
    volumes = {
        str(launcher.folder): {"bind": "/var/lib/kolla/config_files", "mode": "ro"},
        str(launcher.folder / "data"): {"bind": "/etc/app/data", "mode": "rw"},
    }
    status, output = launcher.finish(volumes=volumes)
    assert status == 1
    assert "cannot replace /etc/app: /etc/app/data is mounted there (use merge)" in output
    assert (launcher.folder / "data/precious").read_text() == "kept"

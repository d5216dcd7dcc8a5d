"""Real images are asked for the options of real software, and their programs for what they think of files."""

import json

import pytest

from kolla.config.option_schema import Schema
from kolla.config.options_check import check
from kolla.images.engine import connect
from kolla.images.trials import refusal

from .conftest import Workshop

SERVICE = """\
  asked:
    packages: {debian: [python3-keystoneauth1, python3-oslo.log]}
    user: worker
    options: {modules: [oslo_log.log]}
  quiet: {links: {/a: /b}, user: worker}
enabled: true
containers:
  asked:
    command: sleep 1
    config:
      asked.conf: {to: /etc/asked/, format: oslo}
      words: {to: /etc/asked/, mode: "0400"}
    config_check: [grep, --quiet, good, /etc/asked/words]
  quiet:
    command: sleep 1
    config:
      quiet.conf: {to: /etc/quiet/, format: oslo}
"""


@pytest.fixture
def described(workshop: Workshop) -> Workshop:
    workshop.describe(SERVICE)
    templates = workshop.folder / "config"
    templates.mkdir(exist_ok=True)
    for name in ("asked.conf", "words", "quiet.conf"):
        (templates / f"{name}.j2").write_text("")
    return workshop


def schema(workshop: Workshop, path: str | None) -> Schema:
    assert path is not None
    return Schema.load(workshop.state / path)


def test_what_an_image_knows_is_asked_once(described: Workshop) -> None:
    report = described.build("asked", "quiet")
    asked = report.image("asked")
    text = "[DEFAULT]\ndebug = maybe\nlog-file = a\nverbose = true\n"
    assert [(p.kind, p.key) for p in check({"a": text}, schema(described, asked.options))] == [
        ("value", "[DEFAULT] debug"),
        ("unknown", "[DEFAULT] verbose"),
    ]
    assert "password" in schema(described, asked.options).plugins
    assert schema(described, asked.options).unread == {}
    place = described.state / str(asked.options)
    before = place.stat().st_mtime_ns
    again = described.build("asked")
    assert (again.image("asked").options, place.stat().st_mtime_ns) == (asked.options, before)


def test_software_without_oslo_config_is_not_judged(described: Workshop) -> None:
    report = described.build("quiet")
    assert schema(described, report.image("quiet").options).titles == ()
    assert report.image("base").options is None


def test_a_program_reads_the_folder_as_in_a_deploy(described: Workshop) -> None:
    built = described.build("asked").image("asked")
    placed = {"source": "/var/lib/kolla/config_files/words", "dest": "/etc/asked/words"}
    document = {
        "command": "grep --quiet good /etc/asked/words",
        "config_files": [{**placed, "owner": "worker", "perm": "0400"}],
    }
    folder = {"config.json": json.dumps(document), "words": "all is good\n"}
    engine = connect("docker")
    assert refusal(engine, str(built.id), folder) is None
    assert refusal(engine, str(built.id), {**folder, "words": "all is bad\n"}) is not None
    del folder["words"]
    assert "words" in str(refusal(engine, str(built.id), folder))

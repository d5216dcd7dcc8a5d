"""Malformed settings: each refused with file and line, and no host is contacted."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kolla import configuration, places
from kolla.api import Cloud
from kolla.catalogue import loader
from kolla.catalogue.model import Setting
from kolla.errors import InputError
from kolla.settings import keys, passwords
from kolla.settings.inventory import Inventory

INVENTORY = {"_meta": {"hostvars": {"one": {}}}, "control": {"hosts": ["one"]}, "compute": {"hosts": ["one"]}}
INVENTORY |= {"network": {"hosts": ["one"]}, "all": {"children": ["control", "compute", "network"]}}
VALID = {"network_interface": "eth0", "kolla_internal_vip_address": "10.0.0.250"}

KEYS = {name: key.setting for name, key in keys.of(loader.load()).items() if name not in VALID}

WORDS = st.text("abcdefghijklmnopqrstuvwxyz!? ", min_size=1).map(lambda word: f"not {word}!")
COLLECTIONS: list[Any] = [["x"], {"x": 1}]
WRONG: dict[str, st.SearchStrategy[Any]] = {
    "boolean": WORDS | st.integers() | st.sampled_from(COLLECTIONS),
    "integer": WORDS | st.booleans() | st.sampled_from([1.5, *COLLECTIONS]),
    "number": WORDS | st.booleans() | st.sampled_from([float("inf"), *COLLECTIONS]),
    "port": WORDS | st.integers(max_value=0) | st.integers(min_value=65536) | st.booleans(),
    "address": WORDS | st.integers() | st.sampled_from(["10.0.0.256", "10.0.0", "::x", *COLLECTIONS]),
    "network": WORDS | st.integers() | st.sampled_from(["10.0.0.1/24", "10.0.0.0/33", *COLLECTIONS]),
    "path": WORDS | st.integers() | st.sampled_from(COLLECTIONS),
    "list": WORDS | st.integers() | st.sampled_from([{"x": 1}]),
    "mapping": WORDS | st.integers() | st.sampled_from([["x"], {1: 2}]),
    "string": st.booleans() | st.sampled_from(COLLECTIONS),
}
BROKEN_YAML = ["x: [1, 2\n", "\tx: 1\n", "a: b: c\n", "x: 'open\n", "- x\n", "x: {a\n", "? [\n", "&a *b\n"]
BROKEN_JINJA = ["{{ 1 + }}", "{{ 'x }}", "{% if %}", "{{ openstack_release | no_such_filter }}"]
BROKEN_INI = [
    "[DEFAULT\nx = 1\n",
    "[DEFAULT]\njust words\n",
    "[DEFAULT]\n= value\n",
    "words\n",
    "[a] b\nx=1\n",
]


@dataclass(frozen=True)
class Mistake:
    """What an operator wrote: file below the configuration directory -> its text; and which is wrong."""

    files: dict[str, str]
    where: str


def in_globals(text: str) -> Mistake:
    return Mistake({"globals.yml": yaml.safe_dump(VALID) + text}, "globals.yml")


def wrong_value(name: str) -> st.SearchStrategy[Any]:
    setting: Setting = KEYS[name]
    found = WRONG[setting.type]
    if setting.choices:
        found |= WORDS
    if setting.minimum is not None:
        found |= st.integers(max_value=setting.minimum - 1)
    return found


def typo(name: str, place: int) -> str:
    cut = place % len(name)
    return name[:cut] + name[cut + 1 :] + "q"


MISTAKES = st.one_of(
    st.sampled_from(sorted(KEYS)).flatmap(
        lambda name: wrong_value(name).map(lambda value: in_globals(yaml.safe_dump({name: value})))
    ),
    st.builds(
        lambda name, place: in_globals(f"{typo(name, place)}: 1\n"),
        st.sampled_from(sorted(KEYS)),
        st.integers(0, 30),
    ),
    st.builds(
        lambda name, text: in_globals(yaml.safe_dump({name: text})),
        st.sampled_from(sorted(KEYS)),
        st.sampled_from(BROKEN_JINJA),
    ),
    st.sampled_from(BROKEN_YAML).map(in_globals),
    st.sampled_from(sorted(VALID)).map(lambda name: in_globals(f"{name}: again\n")),
    st.sampled_from(BROKEN_YAML).map(lambda text: Mistake({"passwords.yml": text}, "passwords.yml")),
    st.builds(
        lambda path, text: Mistake({f"config/{path}": text}, f"config/{path}"),
        st.sampled_from(
            ["keystone.conf", "global.conf", "nova/nova-compute.conf", "keystone/one/keystone.conf"]
        ),
        st.sampled_from(BROKEN_INI),
    ),
)


@pytest.fixture(scope="module", autouse=True)
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """No process, no host, a state directory of our own; the catalogue, which is right, is read once."""

    def contacted(*arguments: Any, **keywords: Any) -> None:
        pytest.fail("a host was contacted, or a program was run")

    root = tmp_path_factory.mktemp("state")
    load = cache(lambda paths: loader_load(list(paths)))
    loader_load = loader.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "state_root", lambda: root)
        patch.setattr("kolla.hosts.Executor", contacted)
        patch.setattr(subprocess, "Popen", contacted)
        for module in (loader, configuration):
            name = "load" if module is loader else "load_catalogue"
            patch.setattr(module, name, lambda paths=(): load(tuple(paths)))
        yield patch


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("passwords")
    path = directory / "passwords.yml"
    passwords.complete(path, passwords.generate(loader.load(), {}))
    return path.read_text()


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)


def cloud_of(directory: Path) -> Cloud:
    cloud = Cloud(directory)
    vars(cloud.configuration)["inventory"] = Inventory.parse(INVENTORY, ("inventory",))
    return cloud


@given(mistake=MISTAKES)
@settings(max_examples=100)
def test_a_malformed_setting_is_refused_with_its_place(tmp_path_factory, secrets, mistake):
    directory = tmp_path_factory.mktemp("etc")
    write(directory, {"globals.yml": yaml.safe_dump(VALID), "passwords.yml": secrets, **mistake.files})
    with pytest.raises(InputError) as caught:
        cloud_of(directory).plan()
    assert re.search(rf"{re.escape(str(directory / mistake.where))}:\d+", str(caught.value)), str(
        caught.value
    )

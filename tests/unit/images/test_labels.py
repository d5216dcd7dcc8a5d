import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.images.base import Base
from kolla.images.graph import Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options

from .conftest import MakeCatalogue

OCI = "org.opencontainers.image."
LABEL = re.compile(r'^    (\S+?)=("(?:[^"\\]|\\.)*")', re.MULTILINE)


def labels_of(inputs: Inputs, name: str, base: Base | None = None) -> dict[str, str]:
    """The labels in a Dockerfile, as the engine reads them."""
    text = inputs.dockerfile(name, {need: need for need in inputs.graph.nodes}, base)
    found = LABEL.findall(text[text.index("\nLABEL ") :])
    return {label: json.loads(value.replace("\\$", "$")) for label, value in found}


def test_what_an_image_is_made_for(make_catalogue: MakeCatalogue, options: Options) -> None:
    catalogue = make_catalogue(
        "  notes: {software: {source: 'https://example.org/notes', license: MIT}}\n  bare: {}\n"
    )
    inputs = Inputs.of(Graph.of(catalogue), options)
    assert labels_of(inputs, "notes") == {
        f"{OCI}title": "notes",
        f"{OCI}description": "Notes",
        f"{OCI}version": "2026.1",
        f"{OCI}source": "https://example.org/notes",
        f"{OCI}licenses": "MIT",
    }
    assert f"{OCI}source" not in labels_of(inputs, "bare")
    keystone = labels_of(inputs, "keystone")
    assert keystone[f"{OCI}source"] == "https://opendev.org/openstack/keystone"
    assert labels_of(inputs, "mariadb")[f"{OCI}licenses"] == "GPL-2.0-only"


@pytest.mark.parametrize(
    ("base", "name", "digest"),
    [
        (Base(sha256="ab12"), None, "sha256:ab12"),
        (Base(image="debian@sha256:cd34"), "debian", "sha256:cd34"),
    ],
)
def test_the_root_says_what_it_stands_on(
    catalogue: Catalogue, options: Options, base: Base, name: str | None, digest: str
) -> None:
    inputs = Inputs.of(Graph.of(catalogue), options)
    root = labels_of(inputs, "base", base)
    assert root[f"{OCI}base.name"] == (name or options.distribution.name)
    assert root[f"{OCI}base.digest"] == digest
    assert f"{OCI}base.name" not in labels_of(inputs, "keystone", base)


@given(value=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])))
def test_labels_of_the_settings_come_last_and_arrive_as_they_are(catalogue: Catalogue, value: str) -> None:
    options = Options(
        release="2026.1",
        distribution=Distribution.named("debian", "13"),
        labels={f"{OCI}vendor": value, f"{OCI}title": "Ours"},
    )
    found = labels_of(Inputs.of(Graph.of(catalogue).select(["base"]), options), "base")
    assert found[f"{OCI}vendor"] == value
    assert found[f"{OCI}title"] == "Ours"


def test_a_label_is_part_of_the_identity(catalogue: Catalogue, options: Options) -> None:
    def identity(options: Options) -> str:
        return Inputs.of(Graph.of(catalogue).select(["base"]), options).identity("base", {}, None, ())

    assert identity(options) == identity(options)
    assert identity(options) != identity(replace(options, labels={"a": "b"}))

import pytest

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError
from kolla.images.base import Base
from kolla.images.dockerfile import render
from kolla.images.graph import Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options

from .conftest import MakeCatalogue


def rendered(catalogue: Catalogue, options: Options, name: str) -> str:
    inputs = Inputs.of(Graph.of(catalogue).select([name]), options)
    needs = inputs.graph.nodes
    return inputs.dockerfile(name, {need: f"<{need}>" for need in needs}, None)


def test_every_image_renders_on_every_distribution(catalogue: Catalogue, options: Options) -> None:
    for name in Graph.of(catalogue).nodes:
        text = rendered(catalogue, options, name)
        assert "FROM " in text
        assert "{{" not in text


def test_nothing_an_old_engine_cannot_read_is_used(catalogue: Catalogue, options: Options) -> None:
    for name in Graph.of(catalogue).nodes:
        text = rendered(catalogue, options, name)
        assert not text.startswith("# syntax=")
        assert "<<" not in text
        assert "--link" not in text


def test_a_simple_image_is_made_from_data_alone(make_catalogue: MakeCatalogue, options: Options) -> None:
    catalogue = make_catalogue(
        """\
  notes:
    packages: {debian: [zlib1g, jq], debian-12: [twelve], debian-13: [thirteen]}
    user: notes
    directories: {/var/lib/notes/pages: "0750"}
    files: {notes-api: /usr/local/bin/notes-api}
    links: {/usr/bin/notes: /usr/local/bin/notes-api}
""",
        {"notes-api": "#!/bin/sh\n"},
    )
    text = rendered(catalogue, options, "notes")
    own = {"debian-12": "twelve", "debian-13": "thirteen"}[options.distribution.name]
    packages = " ".join(sorted(["jq", "zlib1g", own]))
    assert "FROM <base>" in text
    assert "add_user notes 42999 42999 /var/lib/notes kolla" in text
    assert f"install_packages notes {packages};" in text
    assert text.index("add_user") < text.index("install_packages")
    assert "make_directory /var/log/kolla/notes 0755 notes" in text
    assert "make_directory /var/lib/notes/pages 0750 notes" in text
    assert "ln -sfn /usr/local/bin/notes-api /usr/bin/notes" in text
    assert "COPY root/ /" in text
    assert "name_user notes" in text
    assert "wheelhouse" not in text


def test_python_images_make_their_environment_from_wheels_that_are_only_mounted(
    catalogue: Catalogue, options: Options
) -> None:
    text = rendered(catalogue, options, "keystone")
    assert text.count("FROM ") == 1
    assert "--mount=type=bind,from=<wheelhouse>,source=/wheels,target=/mnt/wheels" in text
    assert text.index("name_user") < text.index("make_venv /var/lib/kolla/venv")
    assert "ENV PATH=/var/lib/kolla/venv/bin:" in text
    assert "COPY --from" not in text


def test_no_last_stage_names_a_user(catalogue: Catalogue, options: Options) -> None:
    """The start script runs as root, places files, and drops to the user the image names."""
    for name in Graph.of(catalogue).nodes:
        assert "\nUSER " not in rendered(catalogue, options, name)


SPECIAL = """\
  notes:
    dockerfile: notes.Dockerfile.j2
"""


def test_a_template_of_the_service_fills_blocks(make_catalogue: MakeCatalogue, options: Options) -> None:
    template = (
        '{% extends "image.Dockerfile.j2" %}\n{% block commands %}\n    touch /made; \\\n{% endblock %}\n'
    )
    text = rendered(make_catalogue(SPECIAL, {"notes.Dockerfile.j2": template}), options, "notes")
    assert text.index("touch /made") < text.index("clean")


def test_an_undefined_name_is_an_error_with_its_line(make_catalogue: MakeCatalogue, options: Options) -> None:
    catalogue = make_catalogue(SPECIAL, {"notes.Dockerfile.j2": "FROM {{ parent }}\nRUN {{ titel }}\n"})
    with pytest.raises(InputError) as caught:
        rendered(catalogue, options, "notes")
    assert "notes.Dockerfile.j2:2: 'titel' is undefined" in str(caught.value)
    assert "did you mean 'title'" in str(caught.value)


def test_a_syntax_error_names_its_line(make_catalogue: MakeCatalogue, options: Options) -> None:
    catalogue = make_catalogue(SPECIAL, {"notes.Dockerfile.j2": "FROM x\n{% if %}\n"})
    with pytest.raises(InputError, match=r"notes\.Dockerfile\.j2:2: "):
        rendered(catalogue, options, "notes")


def test_templates_are_kept_in_a_sandbox(make_catalogue: MakeCatalogue, options: Options) -> None:
    reach = "FROM {{ ''.__class__.__mro__ }}\n"
    with pytest.raises(InputError):
        rendered(make_catalogue(SPECIAL, {"notes.Dockerfile.j2": reach}), options, "notes")


def test_a_pulled_base_has_no_tarball(catalogue: Catalogue, options: Options) -> None:
    graph = Graph.of(catalogue)
    text = render(graph, "base", (), options, {}, Base(image="debian@sha256:aa"))
    assert "FROM debian@sha256:aa" in text
    assert "rootfs.tar" not in text

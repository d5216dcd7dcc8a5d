from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kolla.catalogue.model import Image
from kolla.configuration import Configuration
from kolla.errors import InputError
from kolla.images.graph import Graph
from kolla.images.inputs import Inputs
from kolla.images.options import Options
from kolla.images.overrides import ImageOverride, customised, renumbered

Write = Callable[[str], Configuration]

NOTES = """\
name: notes
title: Notes
users:
  notes: {uid: 42999, home: /var/lib/notes, groups: [kolla]}
images:
  notes:
    packages: {debian: [jq, zlib1g], debian-13: [bzip2]}
    python: [Jinja2, MarkupSafe]
    user: notes
    directories: {/srv/one: "0750", /srv/two: "0755"}
    files: {work: /usr/local/bin/work}
  pages: {dockerfile: pages.Dockerfile.j2}
"""
PAGES = '{% extends "image.Dockerfile.j2" %}\n{% block after %}\nRUN own\n{% endblock %}\n'


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes globals.yml of a cloud with a service `notes`."""
    folder = tmp_path / "services" / "notes"
    (folder / "image").mkdir(parents=True)
    (folder / "service.yml").write_text(NOTES)
    (folder / "image" / "work").write_text("#!/bin/sh\n")
    (folder / "image" / "pages.Dockerfile.j2").write_text(PAGES)

    def write(text: str) -> Configuration:
        (tmp_path / "globals.yml").write_text(text)
        return Configuration(tmp_path, service_paths=(tmp_path / "services",))

    return write


def image(configuration: Configuration, name: str = "notes") -> Image:
    return configuration.catalogue.image(name)[1]


def dockerfile(configuration: Configuration, name: str) -> str:
    inputs = Inputs.of(Graph.of(configuration.catalogue).select([name]), Options.of(configuration.globals))
    return inputs.dockerfile(name, {need: need for need in inputs.graph.nodes}, None)


def test_lists_and_mappings_are_appended_to_taken_from_and_replaced(write: Write) -> None:
    changed = image(
        write("""\
image_overrides:
  notes:
    packages: {append: [curl], remove: [jq]}
    python: {replace: [flask]}
    directories: {append: {/srv/three: "0700"}, remove: [/srv/one]}
    user: keystone
""")
    )
    assert changed.packages == {"debian-13": ("bzip2", "zlib1g", "curl")}
    assert changed.python == ("flask",)
    assert changed.directories == {"/srv/two": "0755", "/srv/three": "0700"}
    assert changed.user == "keystone"
    assert changed.files == {"work": "/usr/local/bin/work"}


BINARY = "kolla_install_type: binary\nopenstack_release: '2025.1'\n"


def test_packages_of_install_type_binary_are_changed_like_others(write: Write) -> None:
    said = """\
image_overrides:
  keystone:
    binary:
      packages: {append: [python3-ldap], remove: [python3-memcache]}
      links: {append: {/etc/keystone/x: /usr/share/x}}
  nova:
    binary: {unpacked: {replace: [nova-common]}}
"""
    for text in (said, BINARY + said):
        configuration = write(text)
        binary = image(configuration, "keystone").binary
        assert binary is not None
        assert "python3-ldap" in binary.packages["debian-13"]
        assert "python3-memcache" not in binary.packages["debian-13"]
        assert binary.links == {"/etc/keystone/x": "/usr/share/x"}
        changed = image(configuration, "nova").binary
        assert changed is not None
        assert changed.unpacked == {"debian-13": ("nova-common",)}
        assert "python3-nova" in changed.packages["debian"]
    inputs = Inputs.of(
        Graph.of(configuration.catalogue, binary=True).select(["keystone"]), Options.of(configuration.globals)
    )
    text = inputs.dockerfile("keystone", {need: need for need in inputs.graph.nodes}, None)
    assert "python3-ldap" in text
    assert "python3-memcache" not in text
    where = configuration.catalogue.where("keystone", "images", "keystone", "binary", "packages")
    assert str(where).endswith("globals.yml:6")


def test_an_image_from_pypi_alone_may_be_given_packages_for_install_type_binary(write: Write) -> None:
    said = "image_overrides:\n  notes: {binary: {packages: {append: [python3-jinja2]}}}\n"
    catalogue = write(BINARY + said).catalogue
    assert Graph.of(catalogue, binary=True).nodes["notes"].binary
    assert not Graph.of(write(BINARY).catalogue, binary=True).nodes["notes"].binary


def test_nothing_said_changes_nothing(write: Write) -> None:
    configuration = write("")
    assert configuration.catalogue is configuration.globals.catalogue


def test_every_word_of_an_image_can_be_changed(write: Write) -> None:
    assert set(Image.model_fields) - set(ImageOverride.model_fields) == {
        "patches",
        "published",
        "software",
        "unavailable",
        "options",
        "system_modules",
        "when",
    }


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("image_overrides:\n  keystoen: {user: nova}\n", 2, "did you mean 'keystone'"),
        ("image_overrides:\n  notes:\n    pakages: {append: [jq]}\n", 3, "did you mean 'packages'"),
        ("image_overrides:\n  notes:\n    packages: {apend: [jq]}\n", 3, "did you mean 'append'"),
        ("image_overrides:\n  notes:\n    packages:\n      remove: [zlib1]\n", 4, "did you mean 'zlib1g'"),
        ("image_overrides:\n  notes:\n    python: {replace: [a], append: [b]}\n", 3, "either the whole list"),
        ("image_overrides:\n  notes:\n\n    user: keyston\n", 4, "did you mean 'keystone'"),
        ("image_overrides:\n  notes:\n    parent: nowhere\n", 3, "there is no image 'nowhere'"),
        ("image_overrides:\n  notes:\n    files: {append: {wrok: /bin/w}}\n", 3, "did you mean 'work'"),
        ("image_overrides:\n  notes:\n    directories: {append: {srv: '0755'}}\n", 3, "an absolute path"),
        ("image_overrides:\n  notes:\n    packages: [jq]\n", 3, "a mapping"),
        (
            "image_overrides:\n  keystone:\n    binary:\n      packages: {remove: [python3-keystne]}\n",
            4,
            "did you mean 'python3-keystone'",
        ),
        (
            f"{BINARY}image_overrides:\n  keystone:\n    python: {{append: [networking-x]}}\n",
            5,
            "binary: {packages: {append: [...]}}",
        ),
        ("image_users:\n  keystne: {uid: 5}\n", 2, "did you mean 'keystone'"),
        ("image_users:\n  notes: {uid: 42425}\n", 2, "is already taken by service 'keystone'"),
        ("image_users:\n  notes: {uid: zero}\n", 2, "a whole number"),
        ("image_templates:\n  - /nowhere/at/all\n", 2, "there is no directory '/nowhere/at/all'"),
    ],
)
def test_a_mistake_is_named_with_its_line(write: Write, text: str, line: int, message: str) -> None:
    configuration = write(text)
    with pytest.raises(InputError) as caught:
        Graph.of(configuration.catalogue)
    assert f"globals.yml:{line}: " in str(caught.value)
    assert message in str(caught.value)


def test_users_get_their_numbers_and_a_warning(write: Write, tmp_path: Path) -> None:
    configuration = write("image_users:\n  notes: {uid: 5000, gid: 5001}\n  keystone: {uid: 42425}\n")
    user = configuration.catalogue.folders["notes"].service.users["notes"]
    assert (user.uid, user.gid, user.home) == (5000, 5001, "/var/lib/notes")
    (warning,) = renumbered(configuration.globals)
    assert "'notes' is 5000:5001 instead of 42999:42999" in warning
    assert "globals.yml:2" in warning
    assert "add_user notes 5000 5001" in dockerfile(configuration, "notes")


def test_blocks_come_after_what_the_template_has(write: Write) -> None:
    text = dockerfile(
        write("""\
image_overrides:
  pages:
    blocks:
      before: "ENV RELEASE={{ openstack_release }}"
      commands: "echo one; \\\\"
      after: |
        RUN two
        LABEL three="3 {% raw %}{{ x }}{% endraw %}"
"""),
        "pages",
    )
    assert text.index("ENV RELEASE=2026.1\n") < text.index("echo one; \\\n") < text.index("clean")
    assert text.index("RUN own\n") < text.index("RUN two\n") < text.index('LABEL three="3 {{ x }}"\n')


@pytest.mark.parametrize(
    ("block", "message"),
    [('{aftr: "RUN x"}', "did you mean 'after'"), ('{commands: "touch /x"}', "each line ending with '; \\'")],
)
def test_a_block_that_cannot_be_is_refused(write: Write, block: str, message: str) -> None:
    configuration = write(f"image_overrides:\n  notes:\n    blocks: {block}\n")
    with pytest.raises(InputError) as caught:
        dockerfile(configuration, "notes")
    assert "globals.yml:3: " in str(caught.value)
    assert message in str(caught.value)


def test_the_blocks_of_the_documentation_are_those_of_the_template() -> None:
    from kolla.images.dockerfile import GENERIC, known_blocks

    page = (Path(__file__).parents[3] / "docs" / "building-images.md").read_text()
    table = page.partition("| block |")[2].partition("\n\n")[0]
    listed = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(listed) == known_blocks(GENERIC)


def overlay(directory: Path, name: str, text: str) -> str:
    path = directory / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return yaml.safe_dump({"image_templates": [str(directory / "templates")]})


def test_a_template_laid_over_the_generic_one_may_extend_it(write: Write, tmp_path: Path) -> None:
    text = (
        '{% extends "kolla/image.Dockerfile.j2" %}\n'
        '{% block before %}\nLABEL site="{{ name }}"\n{% endblock %}\n'
    )
    configuration = write(overlay(tmp_path, "image.Dockerfile.j2", text))
    assert 'LABEL site="notes"' in dockerfile(configuration, "notes")
    assert 'LABEL site="pages"' in dockerfile(configuration, "pages")
    assert "RUN own" in dockerfile(configuration, "pages")


def test_files_of_a_service_are_laid_over(write: Write, tmp_path: Path) -> None:
    overlay(tmp_path, "notes/image/work", "#!/bin/sh\necho mine\n")
    configuration = write(overlay(tmp_path, "notes/image/pages.Dockerfile.j2", "FROM mine\n"))
    assert dockerfile(configuration, "pages") == "FROM mine\n"
    inputs = Inputs.of(Graph.of(configuration.catalogue).select(["notes"]), Options.of(configuration.globals))
    contents = {file.path: file.content for file in inputs.context("notes", None)}
    assert contents["root/usr/local/bin/work"] == b"#!/bin/sh\necho mine\n"


def test_a_template_of_a_shipped_service_may_be_extended(write: Write, tmp_path: Path) -> None:
    text = (
        '{% extends "kolla/memcached/image/memcached.Dockerfile.j2" %}\n'
        "{% block after %}\nRUN mine\n{% endblock %}\n"
    )
    written = dockerfile(
        write(overlay(tmp_path, "memcached/image/memcached.Dockerfile.j2", text)), "memcached"
    )
    assert "userdel memcache" in written
    assert "RUN mine" in written


def test_a_file_laid_over_can_be_added_to_an_image(write: Write, tmp_path: Path) -> None:
    settings = overlay(tmp_path, "notes/image/more", "more\n")
    changed = image(
        write(settings + "image_overrides:\n  notes:\n    files: {append: {more: /usr/local/bin/more}}\n")
    )
    assert changed.files["more"] == "/usr/local/bin/more"


def test_templates_for_a_service_that_is_not_there_are_refused(write: Write, tmp_path: Path) -> None:
    configuration = write(overlay(tmp_path, "keystoen/image/x", ""))
    with pytest.raises(InputError, match="there is no service 'keystoen'") as caught:
        customised(configuration.globals)
    assert "did you mean 'keystone'" in str(caught.value)

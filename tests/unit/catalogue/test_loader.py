from pathlib import Path

import pytest

from kolla.catalogue import loader
from kolla.errors import InputError

from .conftest import MakeService

MINIMAL = "name: notes\ntitle: Notes\nenabled: true\n"


def message(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        loader.load([path])
    return str(caught.value).replace(f"{path}/", "")


def test_the_package_s_own_services_load_in_the_order_of_their_names():
    catalogue = loader.load()
    assert list(catalogue.folders) == sorted(catalogue.folders)


def test_the_fixture_service_outside_the_package_loads():
    services = Path(__file__).parents[2] / "system" / "services"
    assert "notes" in loader.load([services]).folders
    assert "notes" in loader.load([services / "notes"]).folders


def test_images_and_providers_are_found_by_name(make_service: MakeService):
    path = make_service(
        MINIMAL + "images: {notes: {user: memcached}}\ncontainers: {notes: {command: x}}\n"
        "endpoints: {notes: {container: notes, port: '1'}}\nprovides: {cache: {endpoint: notes}}\n"
    )
    catalogue = loader.load([path])
    folder, image = catalogue.image("notes")
    assert folder.path == path / "notes"
    assert image.parent == "base"
    assert catalogue.groups["notes"] == ("control",)
    assert catalogue.provider("cache") is not None
    with pytest.raises(InputError, match="did you mean 'notes'"):
        catalogue.image("notse")


def test_unknown_word_names_line_and_nearest(make_service: MakeService):
    path = make_service(MINIMAL + "images:\n  notes:\n    packges: {}\n")
    assert message(path) == (
        "notes/service.yml:6: unknown word 'packges' in 'images.notes'\n  hint: did you mean 'packages'?"
    )


def test_unknown_word_deep_inside(make_service: MakeService):
    path = make_service(
        MINIMAL + "images: {notes: {}}\ncontainers:\n  notes:\n    command: x\n"
        "    config:\n      a.conf: {to: /etc/, moed: '0600'}\n"
    )
    assert "service.yml:9: unknown word 'moed'" in message(path)
    assert "did you mean 'mode'?" in message(path)


def test_unknown_distribution_of_packages(make_service: MakeService):
    text = message(make_service(MINIMAL + "images:\n  notes:\n    packages:\n      debian-14: [x]\n"))
    assert "service.yml:7: there is no base distribution 'debian-14'" in text
    assert "did you mean 'debian-13'?" in text or "did you mean 'debian-12'?" in text


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("needs: [databse]\n", 4, ["'databse' is not known", "did you mean 'database'?"]),
        ("provides: {databse: {}}\n", 4, ["'databse' is not known", "did you mean 'database'?"]),
        ("settings: {a: {type: prot, description: x}}\n", 4, ["'prot' is not known", "'port'"]),
        ("settings: {a: {}}\n", 4, ["'settings.a.description' is missing"]),
        ("settings:\n  notes-port: {description: x}\n", 5, ["'notes-port' cannot be used", "a-z"]),
        ("users: {notes: {uid: many, home: /x}}\n", 4, ["the text 'many'", "a whole number"]),
        ("databases: notes\n", 4, ["the text 'notes'", "expected: a list"]),
        ("images: [notes]\n", 4, ["is a list", "expected: a mapping"]),
        ("users: {notes: {uid: 1, home: var}}\n", 4, ["'var' cannot be used", "an absolute path"]),
        ("images: {notes: {directories: {/x: 0750}}}\n", 4, ["put it in quotes", "'0750'"]),
    ],
)
def test_wrong_values(make_service: MakeService, text: str, line: int, words: list[str]):
    said = message(make_service(MINIMAL + text))
    assert said.startswith(f"notes/service.yml:{line}: ")
    for word in words:
        assert word in said


def test_all_mistakes_at_once(make_service: MakeService):
    make_service(MINIMAL.replace("notes", "other") + "imges: {}\n", "other")
    said = message(make_service(MINIMAL + "needs: [databse]\nsetings: {}\n"))
    assert "databse" in said
    assert "setings" in said
    assert "imges" in said


def test_folder_and_service_have_one_name(make_service: MakeService):
    said = message(make_service(MINIMAL, "note"))
    assert "note/service.yml:1: the service 'notes' is in a folder called 'note'" in said


def test_no_service_in_a_path(tmp_path: Path):
    assert "no service found here" in message(tmp_path)


def test_a_definition_of_another_name_is_not_passed_over(make_service: MakeService):
    path = make_service(MINIMAL)
    (path / "notes" / "service.yml").rename(path / "notes" / "service.yaml")
    make_service(MINIMAL.replace("notes", "other"), "other")
    said = message(path)
    assert said == "notes/service.yaml: nothing reads this file\n  hint: call it service.yml"


def test_a_second_service_of_the_same_name(make_service: MakeService):
    base = loader.SERVICES / "base" / "service.yml"
    said = message(make_service("name: base\ntitle: x\n", "base"))
    assert "there are two services called 'base'" in said
    assert str(base) in said


def test_empty_definition(make_service: MakeService):
    assert "'name' is missing" in message(make_service(""))

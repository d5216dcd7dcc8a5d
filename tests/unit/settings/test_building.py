from pathlib import Path

import pytest

from kolla.build_options import build_options
from kolla.catalogue import loader
from kolla.errors import InputError
from kolla.settings import globals as settings
from kolla.settings import keys
from kolla.settings.building import building, chosen_over, setting_of
from kolla.settings.globals import Globals
from kolla.settings.values import convert


@pytest.fixture
def given(tmp_path: Path) -> Globals:
    (tmp_path / "globals.yml").write_text("docker_namespace: ours\nbuild_threads: 3\n")
    return settings.load(tmp_path, loader.load())


def test_every_option_has_one_meaning() -> None:
    names = [option.name for option in build_options()]
    assert sorted(names) == sorted(set(names))
    meant = [option.key for option in build_options() if option.key]
    assert sorted(meant) == sorted(set(meant))
    assert set(meant) <= set(keys.of(loader.load()))
    letters = [option.declared["letter"] for option in build_options() if "letter" in option.declared]
    assert sorted(letters) == sorted(set(letters))


def test_no_option_of_one_run_is_a_key_of_the_cloud() -> None:
    assert not {option.name for option in build_options() if option.key is None} & set(keys.of(loader.load()))


def test_every_setting_about_images_is_an_option() -> None:
    about_images = {name for name, key in keys.of(loader.load()).items() if key.section == "Images"}
    mappings = {name for name in about_images if keys.of(loader.load())[name].setting.type == "mapping"}
    assert about_images - mappings <= {option.key for option in build_options()}
    assert not mappings & {option.key for option in build_options()}


def test_defaults_of_options_are_values_they_take() -> None:
    for option in build_options():
        setting = setting_of(option)
        if option.key is None:
            convert(setting.model_copy(update={"default": None}), setting.default)


def test_the_command_line_wins_over_globals(given: Globals) -> None:
    found = chosen_over(building(given, []), {"namespace": "other", "skip_parents": True})
    assert found.value("docker_namespace") == "other"
    assert found.value("build_threads") == 3
    assert (found.value("skip_parents"), found.value("skip_existing")) == (True, False)
    assert given.value("docker_namespace") == "ours"


def test_a_value_an_option_does_not_take_names_the_option(given: Globals) -> None:
    with pytest.raises(InputError, match="--threads: 'build_threads' is 'many'\n  expected: a whole number"):
        chosen_over(building(given, []), {"threads": "many"})
    with pytest.raises(InputError, match=r"--base: .*\n  expected: one of"):
        chosen_over(building(given, []), {"base": "gentoo"})


def test_an_unknown_option_gets_the_nearest(given: Globals) -> None:
    with pytest.raises(InputError, match="no option 'thread'\n  hint: did you mean 'threads'"):
        chosen_over(building(given, []), {"thread": 2})

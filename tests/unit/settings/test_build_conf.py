from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import pytest
from hypothesis import strategies as st
from oslo_config import cfg, generator

from kolla.build_options import build_options
from kolla.catalogue import loader
from kolla.errors import InputError
from kolla.settings import build_conf, keys
from kolla.settings import globals as settings
from kolla.settings.building import building, chosen_over, search
from kolla.settings.globals import Globals

CATALOGUE = loader.load()
KEYS = keys.of(CATALOGUE)


@pytest.fixture
def given(tmp_path: Path) -> Globals:
    (tmp_path / "globals.yml").write_text("docker_namespace: ours\nbuild_threads: 3\n")
    return settings.load(tmp_path, loader.load())


def conf(directory: Path, text: str, name: str = "kolla-build.conf") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def test_the_file_wins_over_globals_and_the_command_line_over_the_file(
    given: Globals, tmp_path: Path
) -> None:
    text = "[DEFAULT]\nnamespace = theirs\nthreads = 4\nskip_existing = yes\nprofile = infra, main\n"
    from_file = building(given, [conf(tmp_path, text)])
    assert from_file.value("docker_namespace") == "theirs"
    assert from_file.value("build_threads") == 4
    assert from_file.value("profile") == ["infra", "main"]
    found = chosen_over(from_file, {"threads": "5", "skip_existing": False})
    assert found.value("build_threads") == 5
    assert found.value("docker_namespace") == "theirs"
    assert found.value("skip_existing") is False
    assert building(given, []).value("docker_namespace") == "ours"


def test_a_later_file_wins_over_an_earlier_one(given: Globals, tmp_path: Path) -> None:
    one = conf(tmp_path, "[DEFAULT]\nthreads = 4\nnamespace = one\n", "one.conf")
    two = conf(tmp_path, "[DEFAULT]\nthreads = 5\n", "two.conf")
    found = building(given, [one, two])
    assert (found.value("build_threads"), found.value("docker_namespace")) == (5, "one")


def test_a_release_that_looks_like_a_number_stays_as_written(given: Globals, tmp_path: Path) -> None:
    found = building(given, [conf(tmp_path, "[DEFAULT]\nopenstack_release = 2026.10\n")])
    assert found.value("openstack_release") == "2026.10"


def test_an_unknown_option_names_its_line_and_the_nearest(tmp_path: Path) -> None:
    path = conf(tmp_path, "# mine\n[DEFAULT]\nthreads = 4\n\nnamespcae = x\n")
    with pytest.raises(InputError) as caught:
        build_conf.read([path], KEYS)
    assert str(caught.value) == f"{path}:5: unknown option 'namespcae'\n  hint: did you mean 'namespace'?"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("docker_namespace", "here it is called 'namespace'"),
        ("image_profiles", "it belongs in globals.yml"),
        ("network_interface", "it belongs in globals.yml"),
    ],
)
def test_a_key_of_globals_is_sent_where_it_belongs(tmp_path: Path, name: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"unknown option '{name}'\n  hint: {hint}"):
        build_conf.read([conf(tmp_path, f"[DEFAULT]\n{name} = x\n")], KEYS)


def test_another_section_is_sent_to_globals(tmp_path: Path) -> None:
    path = conf(tmp_path, "[DEFAULT]\n[profiles]\nedge = nova\n")
    with pytest.raises(InputError, match="there is no section") as caught:
        build_conf.read([path], KEYS)
    assert f"{path}:3" in str(caught.value)
    assert "image_profiles" in str(caught.value)
    assert "custom" not in str(caught.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        build_conf.read([conf(tmp_path, "[DEFAULT]\nnamespcae = x\nthraeds = 1\n")], KEYS)
    assert "did you mean 'namespace'" in str(caught.value)
    assert "did you mean 'threads'" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("threads = many", "a whole number"),
        ("threads = 0", "a whole number, 1 or more"),
        ("push = perhaps", "true or false"),
        ("base = gentoo", "one of "),
    ],
)
def test_a_value_the_option_does_not_take_names_its_line(
    given: Globals, tmp_path: Path, line: str, expected: str
) -> None:
    path = conf(tmp_path, f"[DEFAULT]\n{line}\n")
    with pytest.raises(InputError) as caught:
        building(given, [path])
    assert str(caught.value).startswith(f"{path}:2: ")
    assert f"expected: {expected}" in str(caught.value)


def test_an_option_may_hold_the_value_of_another(given: Globals, tmp_path: Path) -> None:
    text = "[DEFAULT]\nnamespace = a/${base_version}\npypi_index_url = https://me:1$$2@example.org/\n"
    found = building(given, [conf(tmp_path, text)])
    assert found.value("docker_namespace") == "a/13"
    assert found.value("pypi_index_url") == "https://me:1$2@example.org/"


def test_a_dollar_that_names_nothing_is_told_without_the_value(tmp_path: Path) -> None:
    path = conf(tmp_path, "[DEFAULT]\npypi_index_url = https://me:top$secret@example.org/\n")
    with pytest.raises(InputError, match="'pypi_index_url' holds a ") as caught:
        build_conf.read([path], KEYS)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert "secret" not in str(caught.value)


layers = st.tuples(*[st.dictionaries(st.sampled_from(["threads", "retries"]), st.integers(1, 99))] * 3)


@hypothesis.given(layers)
def test_what_stands_further_left_wins(layers: tuple[dict[str, int], ...]) -> None:
    line, file, cloud = layers
    with TemporaryDirectory() as name:
        directory = Path(name)
        text = "".join(f"build_{option}: {number}\n" for option, number in cloud.items())
        (directory / "globals.yml").write_text(text)
        body = "".join(f"{option} = {number}\n" for option, number in file.items())
        from_file = building(settings.load(directory, CATALOGUE), [conf(directory, "[DEFAULT]\n" + body)])
        found = chosen_over(from_file, {option: str(number) for option, number in line.items()})
    for option in ("threads", "retries"):
        key = f"build_{option}"
        default = KEYS[key].setting.default
        assert found.value(key) == {option: default, **cloud, **file, **line}[option]


@pytest.mark.parametrize("text", ["threads = 4\n", "[DEFAULT]\nthreads\n", "[DEFAULT\n"])
def test_what_is_no_such_file_names_its_line(tmp_path: Path, text: str) -> None:
    path = conf(tmp_path, text)
    with pytest.raises(InputError, match="cannot be understood") as caught:
        build_conf.read([path], KEYS)
    assert str(caught.value).startswith(f"{path}:{text.count(chr(10))}: ")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        build_conf.read([tmp_path / "missing.conf"], KEYS)


def test_the_environment_says_nothing(
    given: Globals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_DEFAULT__THREADS", "9")
    found = building(given, [conf(tmp_path, "[DEFAULT]\nthreads = 4\n")])
    assert found.value("build_threads") == 4


def test_the_file_is_looked_for_where_oslo_config_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    etc = tmp_path / "etc-kolla"
    etc.mkdir()
    last = conf(etc, "")
    assert search(etc) == (last,)
    second = conf(tmp_path, "")
    assert search(etc) == (second,)
    (tmp_path / ".kolla").mkdir()
    first = conf(tmp_path / ".kolla", "")
    assert search(etc) == (first,)
    first.unlink()
    second.unlink()
    assert [Path(f) for f in cfg.find_config_files("kolla", "kolla-build")] == list(
        search(Path("/etc/kolla"))
    )


def test_the_generator_finds_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    generator.main(["--namespace", "kolla"])
    text = capsys.readouterr().out
    for option in build_options():
        assert f"\n#{option.name} =" in text


def test_every_default_of_the_sample_can_be_taken(given: Globals, tmp_path: Path) -> None:
    """The sample with every # removed in front of an assignment means what no file means."""
    names = tuple(f"#{option.name} =" for option in build_options())
    lines = [line[1:] if line.startswith(names) else line for line in build_conf.sample().splitlines()]
    defaults = settings.load(tmp_path / "nothing", loader.load())
    found = building(defaults, [conf(tmp_path, "\n".join(lines) + "\n")])
    for option in build_options():
        key = option.key or option.name
        assert (found.value(key) or None) == (building(defaults, []).value(key) or None), key

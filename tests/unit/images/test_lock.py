import hashlib
import re
import threading
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError
from kolla.images.lock import RESOLVER, Limits, collect_roots, header, read_constraints, relax, strip_sources
from kolla.images.options import Transport
from kolla.images.requirements import Lock, parse

from .conftest import MakeCatalogue

WITHOUT_CONSTRAINTS = {"2026.2"}
"""Releases that upstream has published no upper constraints of."""
LOCKS = Path(__file__).parents[3] / "kolla" / "images" / "locks"


def test_roots_come_from_every_service(catalogue: Catalogue) -> None:
    roots = collect_roots(catalogue, "2026.1")
    assert roots["keystone"] == "~=29.0"
    assert roots["uwsgi"] == ""
    assert "python-openstackclient" in roots


def test_specifiers_of_several_services_are_joined(make_catalogue: MakeCatalogue) -> None:
    releases = 'releases: {"2026.1": {Keystone: "!=29.0.1", pymysql: ""}}\n'
    roots = collect_roots(make_catalogue(f"  notes: {{}}\n{releases}"), "2026.1")
    assert roots["keystone"] == "~=29.0,!=29.0.1"
    assert roots["pymysql"] == ""


def test_an_unknown_release_names_those_that_are_known(catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match=r"no service knows release 2026\.3") as caught:
        collect_roots(catalogue, "2026.3")
    assert "2025.1, 2025.2, 2026.1, 2026.2" in str(caught.value)


def test_constraints_give_way_only_to_roots_with_a_specifier() -> None:
    text = "# comment\n\nFlask===3.0.0\nPyMySQL===1.1.2  # why\nfoo===1;python_version=='3.13'\n"
    assert relax(text, {"flask": "==3.1", "pymysql": ""}) == [
        "PyMySQL==1.1.2",
        "foo==1;python_version=='3.13'",
    ]


def test_no_input_file_is_named_in_a_lock() -> None:
    resolved = (
        "a==1 \\\n    --hash=sha256:00\n    # via\n    #   -c constraints.txt\n    #   -r roots.in\n"
        "b==1 \\\n    --hash=sha256:00\n    # via\n    #   -c constraints.txt\n    #   a\n"
        "c==1 \\\n    --hash=sha256:00\n    # via -r roots.in\n"
    )
    text = strip_sources(resolved)
    assert "constraints.txt" not in text
    assert "roots.in" not in text
    assert {name: r.wanted_by for name, r in parse(text).items()} == {"a": (), "b": ("a",), "c": ()}


@pytest.mark.parametrize("path", sorted(LOCKS.iterdir()), ids=lambda path: path.stem)
def test_kept_locks_say_how_they_are_made(path: Path) -> None:
    release, _, base = path.stem.partition("-")
    lines = path.read_text().splitlines()
    kept = lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))]
    day = date.fromisoformat(kept[1].rpartition(" --date ")[2])
    if release in WITHOUT_CONSTRAINTS:
        assert kept == header(release, base, Limits(day=day), "").splitlines()
        return
    expected = header(release, base, Limits("FILE", day), "any").splitlines()
    assert kept[:2] == expected[:2]
    assert re.fullmatch(re.sub("[0-9a-f]{64}", "[0-9a-f]{64}", expected[2]), kept[2])
    assert len(kept) == len(expected)


def test_both_bases_of_a_release_are_locked_by_the_same_constraints_and_day() -> None:
    made: dict[str, set[str]] = {}
    for path in LOCKS.iterdir():
        release, _, base = path.stem.partition("-")
        told = "".join(path.read_text().splitlines()[1:3])
        made.setdefault(release, set()).add(told.replace(f"--base-version {base[-2:]}", ""))
    assert {release for release, headers in made.items() if len(headers) != 1} == set()


def test_the_resolver_is_one_with_hashes() -> None:
    (resolver,) = parse(RESOLVER.read_text()).values()
    assert resolver.name == "uv"
    assert resolver.hashes


@pytest.mark.parametrize("base", ["debian-12", "debian-13"])
def test_every_release_that_a_service_knows_is_locked(catalogue: Catalogue, base: str) -> None:
    known = {release for folder in catalogue.folders.values() for release in folder.service.releases}
    assert known == {"2025.1", "2025.2", "2026.1", "2026.2"}
    for release in known:
        lock, roots = Lock.load(release, base), collect_roots(catalogue, release)
        assert set(roots) <= set(lock.requirements), release
        for name, specifier in roots.items():
            major = specifier.removeprefix("~=").partition(".")[0]
            assert lock.requirements[name].version.startswith(major), (release, name)


def test_a_header_tells_the_day_and_which_constraints_but_no_path_of_this_machine() -> None:
    limits = Limits("/home/me/uc.txt", date(2026, 11, 1))
    text = header("2025.2", "debian-12", limits, "six===1.17.0\n")
    digest = hashlib.sha256(b"six===1.17.0\n").hexdigest()
    assert "lock --openstack-release 2025.2 --base debian --base-version 12 --constraints FILE" in text
    assert " --date 2026-11-01\n" in text
    assert f"# The constraints were sha256:{digest}.\n" in text
    assert "/home" not in text
    assert "--constraints https://x.org/2025.2" in header("2025.2", "b", Limits("https://x.org/2025.2"), "")


def test_a_day_ends_when_it_ends_in_greenwich() -> None:
    assert Limits(day=date(2026, 2, 28)).until == "2026-03-01T00:00:00Z"
    assert Limits("FILE").until == ""


def test_a_day_that_is_not_over_is_refused() -> None:
    with pytest.raises(InputError, match=r"--date \d{4}-\d\d-\d\d is not over yet"):
        Limits(day=datetime.now(UTC).date())


def test_nothing_to_choose_from_is_refused() -> None:
    with pytest.raises(InputError, match="nothing says which versions"):
        Limits()


def test_constraints_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "upper-constraints.txt"
    with pytest.raises(InputError, match=r"upper-constraints\.txt cannot be read"):
        read_constraints(str(missing), Transport(), 0)
    with pytest.raises(InputError, match="cannot be read"):
        read_constraints("http://127.0.0.1:9/upper-constraints.txt", Transport(), 0)


def test_constraints_are_read_through_the_proxy_of_the_settings() -> None:
    asked = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"keystone===29.0.0\n")

    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        transport = Transport(http_proxy=f"http://127.0.0.1:{server.server_port}")
        text = read_constraints("http://constraints.example/upper.txt", transport, 0)
        thread.join(5)
    assert (text, asked) == ("keystone===29.0.0\n", ["http://constraints.example/upper.txt"])

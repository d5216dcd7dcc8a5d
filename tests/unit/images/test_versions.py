import shutil
import subprocess

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kolla.images.versions import Kind, sort_key

UPSTREAM = st.text("019aAz.+~", min_size=1, max_size=8).map(lambda text: f"1{text}")
DEB = st.builds(
    lambda epoch, upstream, revision: epoch + upstream + revision,
    st.sampled_from(["", "0:", "1:", "10:"]),
    UPSTREAM,
    st.sampled_from(["", "-0", "-1", "-1~a", "-1+b2", "-10"]),
)


def order(kind: Kind, first: str, second: str) -> str:
    a, b = sort_key(kind, first), sort_key(kind, second)
    return "lt" if a < b else "gt" if a > b else "eq"


@given(first=DEB, second=DEB)
@example(first="1", second="1.")
@example(first="1.0", second="1.0-0")
@example(first="1a", second="1a0")
@settings(max_examples=150, deadline=None)
def test_debian_versions_are_compared_as_dpkg_does(first: str, second: str) -> None:
    dpkg = shutil.which("dpkg")
    assert dpkg, "Debian's own program is what this compares with"
    found = order("deb", first, second)
    assert subprocess.run([dpkg, "--compare-versions", first, found, second], check=False).returncode == 0


@given(versions=st.lists(DEB, min_size=3, max_size=3))
def test_the_order_is_one(versions: list[str]) -> None:
    a, b, c = sorted(versions, key=lambda version: sort_key("deb", version))
    assert order("deb", a, c) in ("lt", "eq")
    assume(order("deb", a, b) == "lt")
    assert order("deb", a, c) == "lt"


@pytest.mark.parametrize(
    ("first", "expected", "second"),
    [
        ("1.0", "eq", "1.0"),
        ("1.0", "lt", "2.0"),
        ("2.0.1", "lt", "2.0.1a"),
        ("5.5p1", "lt", "5.5p10"),
        ("10xyz", "lt", "10.1xyz"),
        ("xyz10", "lt", "xyz10.1"),
        ("xyz.4", "lt", "8"),
        ("1.0010", "gt", "1.9"),
        ("1.05", "eq", "1.5"),
        ("2.0", "eq", "2_0"),
        ("1.0~rc1", "lt", "1.0"),
        ("1.0~rc1~git1", "lt", "1.0~rc1"),
        ("1.0^", "gt", "1.0"),
        ("1.0^git1", "lt", "1.0.1"),
        ("1.0~rc1^git1", "gt", "1.0~rc1"),
        ("1:1.0-1", "gt", "2.0-1"),
        ("1.0-1.el10", "lt", "1.0-1.el10_1"),
    ],
)
def test_rpm_versions_are_compared_by_its_rules(first: str, expected: str, second: str) -> None:
    opposite = {"lt": "gt", "gt": "lt", "eq": "eq"}
    assert order("rpm", first, second) == expected
    assert order("rpm", second, first) == opposite[expected]


@pytest.mark.parametrize(
    ("first", "expected", "second"),
    [
        ("1.0", "eq", "1.0.0"),
        ("1.0rc1", "lt", "1.0"),
        ("1.0.dev3", "lt", "1.0a1"),
        ("1.0.post1", "gt", "1.0"),
        ("1!0.1", "gt", "2026.1"),
        ("9.10", "gt", "9.9"),
        ("a-strange-one", "lt", "0.0.1"),
    ],
)
def test_python_versions_are_compared_by_pep_440(first: str, expected: str, second: str) -> None:
    assert order("pypi", first, second) == expected

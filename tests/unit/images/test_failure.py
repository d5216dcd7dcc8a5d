import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.errors import KollaError
from kolla.images.engine import BuildError, TookTooLong
from kolla.images.failure import LONGEST, TAIL, explain, failing_line, known, may_pass, tail

LOG = """\
#1 [internal] load build definition
#1 DONE 0.0s
#5 [2/2] RUN make
#5 0.160 compiling
#5 12.01 no such header
#5 ERROR: executor failed running
------
"""


def test_the_tail_is_what_programs_printed() -> None:
    assert tail(LOG) == ("compiling", "no such header")


@pytest.mark.parametrize(
    ("lines", "failing"),
    [
        (["compiling", "x.c:1: error: no such header"], "x.c:1: error: no such header"),
        (["compiling", "killed"], "killed"),
        (
            ["ERROR: No matching distribution found for nonsense", "", "[notice] A new release of pip"],
            "ERROR: No matching distribution found for nonsense",
        ),
        (["E: Unable to locate package jqq", "kolla: done"], "E: Unable to locate package jqq"),
        (["fatal: unable to access 'https://x/'", "make: *** [all] Error 1"], "make: *** [all] Error 1"),
    ],
)
def test_the_failing_line_is_the_last_that_speaks_of_an_error(lines: list[str], failing: str) -> None:
    text = "".join(f"#5 1.0 {line}\n" for line in lines) + "#5 ERROR: executor failed running\n------\n"
    assert failing_line(BuildError("the build failed"), text) == failing


def test_a_step_that_printed_nothing_says_itself_what_failed() -> None:
    text = '#5 1.0 no error so far\n#7 ERROR: "/wheels": not found\n------\n'
    assert failing_line(BuildError("the build failed"), text) == '"/wheels": not found'


def test_what_no_log_tells_the_error_says() -> None:
    assert failing_line(BuildError("the build failed"), "") == "the build failed"
    assert failing_line(TookTooLong("took longer than 5 s"), LOG) == "took longer than 5 s"
    assert failing_line(KollaError("no space", hint="make room"), LOG) == "no space"


@given(st.text())
def test_a_failing_line_is_one_line_that_can_be_shown(text: str) -> None:
    line = failing_line(BuildError("the build failed"), text)
    assert line and len(line) <= LONGEST
    assert line.isprintable()


def test_without_output_the_tail_is_the_log_itself() -> None:
    assert tail("E: no such suite\n") == ("E: no such suite",)
    assert tail("") == ()


def test_the_tail_is_short() -> None:
    text = "".join(f"#5 1.0 line {number}\n" for number in range(100))
    assert len(tail(text)) == TAIL
    assert tail(text)[-1] == "line 99"


def test_a_vanished_package_is_one_clear_sentence(tmp_path: Path) -> None:
    log = tmp_path / "notes.log"
    text = "#5 1.0 kolla: vanished: jq=1.7 aa\n#5 1.0 kolla: vanished: jq=1.7 aa\n"
    message, _ = explain("notes", BuildError("the build failed"), text, log)
    assert message == (
        f"the package mirror no longer has jq=1.7; run: kolla build --refresh '^notes$'; log: {log}"
    )


UNTRUSTED = (
    "#7 4.2 WARNING: Retrying after connection broken by 'SSLError(SSLCertVerificationError(1, '[SSL: "
    "CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate'))'\n"
    "#7 4.9 ERROR: HTTPSConnectionPool(host=pypi.example): Max retries exceeded with url: /simple\n"
)


def test_a_certificate_nobody_trusts_is_one_clear_sentence_and_final(tmp_path: Path) -> None:
    message, _ = explain("notes", BuildError("the build failed"), UNTRUSTED, tmp_path / "notes.log")
    assert not may_pass(UNTRUSTED)
    assert "extra_ca_certificates" in message and "trusted" in message


def test_other_failures_keep_their_own_words(tmp_path: Path) -> None:
    log = tmp_path / "notes.log"
    message, lines = explain("notes", BuildError("the build failed"), "E: no such suite\n", log)
    assert (message, lines) == (f"the build failed; log: {log}", ("E: no such suite",))


def test_what_failed_when_the_build_was_done_is_not_in_its_log(tmp_path: Path) -> None:
    busy = "#7 1.0 Could not connect to deb.example:80\n#7 2.0 done\n"
    assert explain("notes", KollaError("no space"), busy, tmp_path / "notes.log") == ("no space", ())


def test_what_failed_before_there_was_a_log_names_none(tmp_path: Path) -> None:
    assert explain("notes", KollaError("no space"), "", tmp_path / "missing.log") == ("no space", ())


@pytest.mark.parametrize(
    "line",
    [
        "#7 2.1 E: Failed to fetch http://deb.example/d/j.deb  503  Service Unavailable [IP: 192.0.2.1 80]",
        "#7 2.1 E: Failed to fetch http://deb.example/d/j.deb  Temporary failure resolving 'deb.example'",
        "#7 2.1 Err:1 http://deb.example Could not connect to deb.example:80 (192.0.2.1). - connect",
        "#7 2.1 pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool: Read timed out.",
        "#7 2.1 ERROR: HTTP error 502 while getting https://index.example/x.whl",
        "#7 2.1 fatal: unable to access 'https://git.example/': The requested URL returned error: 503",
        "#7 2.1 E: Failed to fetch http://deb.example/d/j.deb  Hash Sum mismatch",
        "#2 ERROR: failed to do request: Head https://registry.example/v2/: net/http: TLS handshake timeout",
    ],
)
def test_a_fetch_that_failed_outside_may_go_better(line: str) -> None:
    assert may_pass(f"#7 1.0 fetching\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "#7 2.1 E: Unable to locate package nosuch",
        "#7 2.1 E: Failed to fetch http://deb.example/d/j.deb  404  Not Found [IP: 192.0.2.1 80]",
        "#7 2.1 error: command '/usr/bin/gcc' failed with exit code 1",
        "#7 2.1 ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
        "#7 2.1 kolla: vanished: jq=1.7 aa",
        "#7 2.1 dpkg: error: no space left on device",
        "#7 2.1 ERROR: 404 Client Error: Not Found for url: https://index.example/503/",
    ],
)
def test_what_would_fail_again_is_not_tried_again(line: str) -> None:
    assert not may_pass(f"#7 1.0 fetching\n{line}\n")


def test_what_programs_tried_again_by_themselves_does_not_count() -> None:
    lines = [
        "WARNING: Retrying after connection broken by 'ReadTimeoutError'",
        *["compiling"] * TAIL,
        "no such header",
    ]
    assert not may_pass("".join(f"#7 1.0 {line}\n" for line in lines))


def test_a_full_disk_is_one_clear_sentence(tmp_path: Path) -> None:
    text = "#7 1.0 write /var/lib/docker: no space left on device\n"
    message, _ = explain("notes", BuildError("the build failed"), text, tmp_path / "notes.log")
    assert message.startswith("no space left where the engine keeps images; make room")
    full = OSError(errno.ENOSPC, "No space left on device", "/tmp/kolla-build-1/context")
    assert str(known(full)) == "no space left on this machine, in /tmp/kolla-build-1/context"


def test_any_other_error_of_the_system_is_nobodys_image() -> None:
    with pytest.raises(PermissionError):
        known(PermissionError(errno.EACCES, "Permission denied"))

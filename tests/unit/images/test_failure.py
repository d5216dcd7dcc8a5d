from pathlib import Path

from kolla.errors import KollaError
from kolla.images.failure import TAIL, explain, tail

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


def test_without_output_the_tail_is_the_log_itself() -> None:
    assert tail("E: no such suite\n") == ("E: no such suite",)
    assert tail("") == ()


def test_the_tail_is_short() -> None:
    text = "".join(f"#5 1.0 line {number}\n" for number in range(100))
    assert len(tail(text)) == TAIL
    assert tail(text)[-1] == "line 99"


def test_a_vanished_package_is_one_clear_sentence(tmp_path: Path) -> None:
    log = tmp_path / "notes.log"
    log.write_text("#5 1.0 kolla: vanished: jq=1.7 aa\n#5 1.0 kolla: vanished: jq=1.7 aa\n")
    message, _ = explain("notes", KollaError("the build failed"), log)
    assert message == (
        f"the package mirror no longer has jq=1.7; run: kolla build --refresh notes; log: {log}"
    )


def test_other_failures_keep_their_own_words(tmp_path: Path) -> None:
    log = tmp_path / "notes.log"
    log.write_text("E: no such suite\n")
    message, lines = explain("notes", KollaError("the build failed"), log)
    assert (message, lines) == (f"the build failed; log: {log}", ("E: no such suite",))


def test_what_failed_before_there_was_a_log_names_none(tmp_path: Path) -> None:
    assert explain("notes", KollaError("no space"), tmp_path / "missing.log") == ("no space", ())

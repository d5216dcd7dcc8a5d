import re
from pathlib import Path

from kolla.catalogue import loader
from kolla.cli.main import SECTIONS
from kolla.cli.manual import manual

PAGE = Path(__file__).parents[3] / "docs" / "verbs.md"


def test_every_verb_has_its_section():
    headings = [line for line in manual().splitlines() if line.startswith("### kolla ")]
    commands = [command for commands in SECTIONS.values() for command in commands]
    verbs = [name for c in commands for name in (c.name, *(getattr(c, "commands", None) or ()))]
    # Of a verb's parts (`kolla revisions show`) the part.
    ends = [re.findall(r"[a-z][a-z-]+", heading)[-1] for heading in headings]
    assert ends == [*verbs, *loader.load().verbs]


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == manual(), "run: make reference"

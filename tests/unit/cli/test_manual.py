from pathlib import Path

from kolla.catalogue import loader
from kolla.cli.main import SECTIONS
from kolla.cli.manual import manual

PAGE = Path(__file__).parents[3] / "docs" / "verbs.md"


def test_every_verb_has_its_section():
    headings = [line for line in manual().splitlines() if line.startswith("### kolla ")]
    verbs = [command.name for commands in SECTIONS.values() for command in commands]
    assert [heading.split()[2] for heading in headings] == [*verbs, *loader.load().verbs]


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == manual(), "run: make reference"

"""What the documentation shows is what there is."""

import re
from pathlib import Path

import pytest
import yaml

from kolla.catalogue.model import Service

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def anchors(page: Path) -> set[str]:
    """Headings as the usual Markdown viewers name them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_walkthrough_builds_the_service_of_the_tests():
    page = (ROOT / "docs" / "adding-a-service.md").read_text()
    steps = page[: page.index("\n## 9. ")]
    shown = yaml.safe_load("".join(re.findall(r"```yaml\n(.*?)```", steps, re.DOTALL)))
    folder = ROOT / "tests" / "system" / "services" / "notes"
    assert shown == yaml.safe_load((folder / "service.yml").read_text())
    (template,) = re.findall(r"```ini\n# notes/config/notes.conf.j2\n(.*?)```", page, re.DOTALL)
    assert template == (folder / "config" / "notes.conf.j2").read_text()


def test_what_is_shown_besides_the_walkthrough_is_understood():
    page = (ROOT / "docs" / "adding-a-service.md").read_text()
    folder = ROOT / "tests" / "system" / "services" / "notes"
    notes = yaml.safe_load((folder / "service.yml").read_text())
    examples = re.findall(r"```yaml\n(.*?)```", page[page.index("\n## 9. ") :], re.DOTALL)
    assert len(examples) >= 4
    for example in examples:
        Service.model_validate({**notes, **yaml.safe_load(example.replace("...", ""))})

"""Files of the repository that are made from the code: samples, reference, a picture.

`python -m kolla.generated [DIRECTORY]` writes them; a test compares them with what is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kolla import api_reference
from kolla.catalogue import loader, privileges, upgrade_table
from kolla.catalogue import reference as service_reference
from kolla.images import picture
from kolla.images.graph import Graph
from kolla.settings import build_conf, reference, samples
from kolla.settings.inventory import ALL_IN_ONE


def files() -> dict[str, str]:
    """Path in the repository -> text."""
    catalogue = loader.load()
    return {
        "etc/kolla/globals.yml": samples.globals_yml(catalogue),
        "etc/kolla/passwords.yml": samples.passwords_yml(catalogue),
        "etc/kolla/kolla-build.conf": build_conf.sample(),
        "etc/kolla/inventory/all-in-one": ALL_IN_ONE.read_text(),
        "docs/reference/settings.md": reference.text(catalogue),
        "docs/reference/service.md": service_reference.text(),
        "docs/reference/api.md": api_reference.text(),
        "docs/reference/privileges.md": privileges.text(catalogue),
        "docs/reference/upgrades.md": upgrade_table.text(catalogue),
        "docs/images/image-tree.svg": picture.svg(Graph.of(catalogue)),
    }


def write(directory: Path) -> None:
    """Write all of them below `directory`."""
    for relative, text in files().items():
        path = directory / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write(Path(*sys.argv[1:2]))

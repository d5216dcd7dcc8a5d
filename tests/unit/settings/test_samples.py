from pathlib import Path

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from kolla.catalogue.catalogue import EVERYWHERE, USUAL_GROUPS, Catalogue
from kolla.settings import globals as globals_file
from kolla.settings import keys, passwords, samples

SAMPLES = Path(__file__).parents[3] / "etc" / "kolla"


def test_sample_changes_nothing_and_uncommented_says_the_defaults(catalogue: Catalogue, tmp_path: Path):
    text = samples.globals_yml(catalogue)
    assert yaml.safe_load(text) is None
    lines = [line[1:] for line in text.splitlines() if line.startswith("#") and line[1:2].isalpha()]
    written = yaml.safe_load("\n".join(lines))
    known = keys.of(catalogue)
    assert written == {name: key.setting.default for name, key in known.items()}
    (tmp_path / "globals.yml").write_text("\n".join(line for line in lines if not line.endswith(":")))
    found = globals_file.load(tmp_path, catalogue)
    for name, key in known.items():
        if isinstance(key.setting.default, int):
            assert found.value(name) == key.setting.default


def test_sample_passwords_can_be_filled_in_place(catalogue: Catalogue, tmp_path: Path):
    path = tmp_path / "passwords.yml"
    path.write_text(samples.passwords_yml(catalogue))
    assert passwords.load(tmp_path) == {}
    made = passwords.generate(catalogue, {})
    passwords.complete(path, made)
    assert passwords.load(tmp_path) == made
    assert len(path.read_text().splitlines()) == len(samples.passwords_yml(catalogue).splitlines())


@pytest.mark.parametrize("name", ["all-in-one", "multinode"])
def test_sample_inventories_have_the_usual_groups(name: str, catalogue: Catalogue):
    groups = InventoryManager(DataLoader(), [str(SAMPLES / "inventory" / name)]).get_groups_dict()
    assert set(USUAL_GROUPS) <= set(groups)
    assert groups["control"]
    parents = {parent for several in catalogue.groups.values() for parent in several}
    assert parents <= {*USUAL_GROUPS, *catalogue.groups, EVERYWHERE}

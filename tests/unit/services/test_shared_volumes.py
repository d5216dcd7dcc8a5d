"""Containers that share a volume agree on whose it is: each gives it to its own user when it starts."""

from __future__ import annotations

from kolla.catalogue import loader


def test_a_volume_is_given_to_one_user_whoever_starts_last() -> None:
    catalogue = loader.load()
    for folder in catalogue.folders.values():
        owners: dict[str, dict[str, str]] = {}
        for name, container in folder.service.containers.items():
            _, image = catalogue.image(container.image or name)
            for volume in container.volumes:
                owners.setdefault(volume, {})[name] = image.user or container.user or "root"
        for volume, found in owners.items():
            assert len(set(found.values())) == 1, (volume, found)

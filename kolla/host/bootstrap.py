"""Making a host ready: an engine that answers, and the directories we need."""

from __future__ import annotations

from pathlib import Path

from . import daemon, facts, lock, packages
from .cloud import Cloud
from .engine import connect
from .errors import Refusal
from .manifest import Manifest
from .shapes import Json

ENGINE_PACKAGES = ("docker.io", "iptables")
MODE = 0o755


def bootstrap(request: Json) -> Json:
    """Have the packages, the engine, its registries and the directories; can be repeated.

    Request: `packages` (more packages to have), `insecure_registries`, `directories`. Everything made
    goes into the manifest.
    """
    cloud = Cloud.of(request)
    with lock.held(cloud, request):
        manifest = Manifest(cloud)
        changes = _packages(request.get("packages", []), manifest)
        changes += _registries(request.get("insecure_registries", []), manifest)
        if not daemon.answers():
            changes.append(daemon.start(manifest))
        for path in request.get("directories", []):
            changes += _directory(Path(path), manifest)
    engine = connect(request["engine"])
    return {"changes": changes, "engine": {"name": engine.name, "version": engine.version}}


def _packages(more: list[str], manifest: Manifest) -> list[str]:
    """An engine that answers is good, however it came here."""
    wanted = [*more] if daemon.answers() else [*ENGINE_PACKAGES, *more]
    if not wanted:
        return []
    if not packages.supported():
        here = facts.gather()
        raise Refusal(
            "unsupported",
            f"cannot install {', '.join(wanted)} on {here['distribution']} {here['distribution_version']}: "
            "packages can be installed on Debian and Ubuntu",
            hint="install and start the engine with the means of this distribution, then run this again",
        )
    return [f"installed {name}" for name in packages.install(wanted, manifest)]


def _registries(registries: list[str], manifest: Manifest) -> list[str]:
    before = daemon.read_configuration()
    missing = [each for each in registries if each not in before.get(daemon.REGISTRIES, [])]
    if not missing:
        return []
    manifest.add("registries", missing)
    daemon.write_configuration(daemon.with_registries(before, missing))
    daemon.reload()
    return [f"registry {each} may be used without TLS" for each in missing]


def _directory(path: Path, manifest: Manifest) -> list[str]:
    missing = [each for each in (path, *path.parents) if not each.exists()][::-1]
    manifest.add("directories", [str(each) for each in missing])
    for each in missing:
        each.mkdir(mode=MODE)
    return [f"made {each}" for each in missing]

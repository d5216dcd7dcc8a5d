"""Making a host ready: an engine that answers, and the directories we need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from . import daemon, engines, facts, files, firewall, lock, own, packages
from .cloud import Cloud
from .engine import connect
from .engines import Kind, kind_of
from .errors import Refusal
from .manifest import Manifest
from .shapes import Json

MODE = 0o755


def bootstrap(request: Json) -> Json:
    """Have the packages, the engine, its registries and the directories; can be repeated.

    Request: `node_config` (the directory of the configuration folders), `insecure_registries`,
    `registry_authorities` (registry: PEM of who signs its certificate), `packages` (others this host is
    to have), `firewall` (whether it is to have what loads one).
    Everything made goes into the manifest.
    """
    cloud, kind = Cloud.of(request), kind_of(request["engine"])
    own.refuse_elsewhere(cloud, kind)
    with lock.held(cloud, request):
        manifest = Manifest(cloud)
        changes = [] if daemon.answers(kind) else _engine(kind, manifest)
        changes += _install(request.get("packages", ()), (), manifest)
        if request.get("firewall") and not firewall.is_there():
            changes += _install((firewall.PACKAGE,), (), manifest)
        changes += _registries(kind, request.get("insecure_registries", ()), manifest)
        changes += _authorities(kind, request.get("registry_authorities", {}), manifest)
        if not daemon.answers(kind):
            changes.append(daemon.start(kind, manifest))
        changes += daemon.start_with_host(kind, manifest)
        changes += _directory(Path(request["node_config"]), manifest)
    engine = connect(kind.name)
    return {"changes": changes, "engine": {"name": engine.name, "version": engine.version}}


def _engine(kind: Kind, manifest: Manifest) -> list[str]:
    """Have an engine's packages; Refusal, before any is installed, when the distribution's are too old."""
    if packages.supported():
        offered = packages.offered(kind.packages[0])
        if offered and engines.numbers(offered) < kind.oldest:
            oldest = ".".join(map(str, kind.oldest))
            raise Refusal(
                "unsupported",
                f"this distribution has {kind.name} {offered}, and {oldest} or newer is needed",
                hint="use a newer release of the distribution, or another kolla_container_engine",
            )
    return _install(kind.packages, kind.if_known, manifest)


def _install(names: Sequence[str], if_known: Sequence[str], manifest: Manifest) -> list[str]:
    if not names:
        return []
    if not packages.supported():
        here = facts.gather()
        raise Refusal(
            "unsupported",
            f"cannot install {', '.join(names)} on {here['distribution']} {here['distribution_version']}: "
            "that works on Debian and Ubuntu",
            hint="install them with the means of this distribution, start the engine, then run this again",
        )
    return [f"installed {name}" for name in packages.install(names, if_known, manifest)]


def _registries(kind: Kind, registries: Sequence[str], manifest: Manifest) -> list[str]:
    present = daemon.trusted(kind)
    missing = [each for each in registries if each not in present]
    if not missing:
        return []
    manifest.add("registries", missing)
    daemon.trust(kind, missing)
    return [f"registry {each} may be used without TLS" for each in missing]


def _authorities(kind: Kind, authorities: Mapping[str, str], manifest: Manifest) -> list[str]:
    """The engine reads them at every pull and push."""
    changes = []
    for registry, certificates in authorities.items():
        path = kind.certificates / registry / "ca.crt"
        content = certificates.encode()
        if path.exists() and path.read_bytes() == content:
            continue
        _directory(path.parent, manifest)
        manifest.add("authorities", [str(path)])
        files.write(path, content, mode=0o644)
        changes.append(f"the engine trusts who signs for registry {registry}")
    return changes


def _directory(path: Path, manifest: Manifest) -> list[str]:
    missing = [each for each in (path, *path.parents) if not each.exists()][::-1]
    manifest.add("directories", [str(each) for each in missing])
    for each in missing:
        each.mkdir(mode=MODE)
    return [f"made {each}" for each in missing]

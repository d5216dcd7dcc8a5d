"""A container as it should be beside the one on its host: what to do about it, and every reason."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kolla.config.diff import changes, difference
from kolla.state.desired import DesiredContainer
from kolla.state.host_state import HostState, ObservedContainer, ObservedFile
from kolla.state.mask import mask
from kolla.state.plan import Action, FileEntry, Folder
from kolla.state.render import RenderedFile

CONTAINER_FILE = "config.json"
"""What tells the start script of a container what to run and which files to place (its contract)."""
_LISTING = f"{CONTAINER_FILE}: config_files "

ON_THE_HOST = "changed on the host: "
"""How a cause begins that is no change of settings, services or images."""


def compare(
    wanted: DesiredContainer, state: HostState, secrets: Collection[str]
) -> tuple[Action | None, list[str]]:
    """What to do about a container and why; (None, []) when it is as it should be.

    What an operator changed on the host is told apart from what changed in the settings, as far as it
    can be: by the digests of what the container was made with and took.
    """
    observed = state.containers.get(wanted.spec.name)
    if observed is None:
        return "create", [_missing(wanted, state)]
    files = _files(wanted, observed, state.folders.get(wanted.config.path, {}), secrets)
    changed = list(_spec_changes(observed.spec, wanted))
    if observed.spec_digest != wanted.spec.digest:
        return "recreate", [*changed, *files] or ["how it is run has changed"]
    if changed:
        return "recreate", [*(ON_THE_HOST + change for change in changed), *files]
    if not files and observed.taken != wanted.config.folder.digest:
        files = ["it never became ready with its present configuration"]
    if files and observed.state == "running":
        return ("reload" if _can_reload(wanted, observed, state) else "restart"), files
    if files:
        return "start", files
    if observed.state != "running":
        return "start", [f"it is {observed.state}"]
    if not observed.ready:
        return "wait", ["it has not been ready since it was started"]
    return None, []


def drift(wanted: DesiredContainer, state: HostState, secrets: Collection[str]) -> list[str]:
    """What somebody changed about a container on its host since it became ready; nothing that only waits for
    a deploy."""
    observed = state.containers.get(wanted.spec.name)
    if observed is None:
        called = called_now(wanted, state)
        return [f"it is called {called} now"] if called else []
    _, causes = compare(wanted, state, secrets)
    found = [cause for cause in causes if cause.startswith(ON_THE_HOST)]
    if not found and observed.taken is not None and _on_host(wanted, state).digest != observed.taken:
        found = [f"{ON_THE_HOST}files of {wanted.config.path}"]
    return found


def _on_host(wanted: DesiredContainer, state: HostState) -> Folder:
    """The configuration folder as it is on the host."""
    found = state.folders.get(wanted.config.path, {})
    entries = tuple(FileEntry(name=name, sha256=file.sha256) for name, file in sorted(found.items()))
    return Folder(path=wanted.config.path, files=entries)


def _can_reload(wanted: DesiredContainer, observed: ObservedContainer, state: HostState) -> bool:
    """Whether all that changed can be taken into use by the service as it runs.

    What was changed on the host cannot: only of a folder that is as the container took it is it known that
    the container sees it. A file that goes can if all that stay can.
    """
    found = state.folders.get(wanted.config.path, {})
    if not wanted.reload or _on_host(wanted, state).digest != observed.taken:
        return False
    files = wanted.config.files
    changed = {n for n in files if n not in found or found[n].sha256 != files[n].sha256}
    if found.keys() - files.keys():
        changed |= files.keys()
    return all(files[name].reloadable for name in changed - {CONTAINER_FILE}) and _only_lists_files(
        found.get(CONTAINER_FILE), files[CONTAINER_FILE]
    )


def _only_lists_files(observed: ObservedFile | None, wanted: RenderedFile) -> bool:
    """Whether what tells a container what to run says the same, but for the files it is to place."""
    if observed is None or observed.sha256 == wanted.sha256 or observed.content is None:
        return observed is not None and observed.sha256 == wanted.sha256
    try:
        documents = [json.loads(text) for text in (observed.content.reveal(), wanted.merged.text)]
    except ValueError:
        return False
    one, other = ({**each, "config_files": None} for each in documents)
    return one == other


def _missing(wanted: DesiredContainer, state: HostState) -> str:
    """Why there is no such container."""
    called = called_now(wanted, state)
    return f"it does not exist: it is called {called} now" if called else "it does not exist"


def called_now(wanted: DesiredContainer, state: HostState) -> str:
    """The name that somebody gave a container: it still has its folder. Empty when there is none."""
    names = (name for name, other in state.containers.items() if other.folder == wanted.config.path)
    return next(names, "")


# -- files ---------------------------------------------------------------------------------------


def _files(
    wanted: DesiredContainer,
    observed: ObservedContainer,
    found: Mapping[str, ObservedFile],
    secrets: Collection[str],
) -> list[str]:
    causes = list(_file_causes(wanted, found, secrets))
    if observed.taken == wanted.config.folder.digest:
        # It took what it should have, so what differs came about on the host.
        return [ON_THE_HOST + cause for cause in causes]
    return causes


def _file_causes(
    wanted: DesiredContainer, found: Mapping[str, ObservedFile], secrets: Collection[str]
) -> Iterator[str]:
    for name, file in sorted(wanted.config.files.items()):
        observed = found.get(name)
        if observed is None:
            yield f"{name}: missing"
        elif observed.sha256 != file.sha256:
            causes = list(_content(name, file, observed, secrets))
            if name == CONTAINER_FILE and found.keys() != wanted.config.files.keys():
                # That it lists other files goes without saying where these are listed one by one.
                causes = [cause for cause in causes if not cause.startswith(_LISTING)]
            yield from causes
        elif observed.mode != "0600":
            yield f"{name}: mode {observed.mode}, should be 0600"
    for name in sorted(found.keys() - wanted.config.files.keys()):
        yield f"{name}: no longer wanted"


def _content(
    name: str, file: RenderedFile, observed: ObservedFile, secrets: Collection[str]
) -> Iterator[str]:
    old = observed.content.reveal() if observed.content is not None else None
    found = changes(file.format, old, file.merged)
    if not found:
        yield f"{name}: other white space, order or comments"
    # The lines of such a file may be those of an earlier key.
    telling = file.format == "text" and any("\n" in secret for secret in file.secrets)
    for change in found:
        yield mask(f"{name}: {change}", change, secrets, telling=telling)


# -- how it is run -------------------------------------------------------------------------------


def _spec_changes(observed: Mapping[str, Any], wanted: DesiredContainer) -> Iterator[str]:
    """Field by field, how a container differs from what is asked for."""
    asked = wanted.spec.model_dump(mode="json")
    for key in sorted(asked):
        old, new = observed.get(key), asked[key]
        if old == new:
            continue
        if key == "image":
            yield f"image {_short(old)} -> {_short(new)}"
        elif isinstance(new, dict) and isinstance(old, dict):
            yield from _entries(key, old, new, wanted)
        else:
            yield f"{key}: {difference(_plain(old), _plain(new))}{_source(wanted, key)}"


def _entries(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], wanted: DesiredContainer
) -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            source = _source(wanted, f"{name} {key}")
            yield f"{name} {key}: {_plain(old.get(key))} -> {_plain(new.get(key))}{source}"


def _source(wanted: DesiredContainer, what: str) -> str:
    """Which settings a part of the spec is made from, where they are set."""
    source = wanted.sources.get(what)
    return f", set by {source}" if source else ""


def _plain(value: object) -> str:
    if value is None:
        return "(none)"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _short(image: object) -> str:
    return str(image).removeprefix("sha256:")[:12]

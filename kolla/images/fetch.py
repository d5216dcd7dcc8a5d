"""Fetching sources on the machine that builds, so that no layer knows where they came from.

What came of each is kept in `sources.json` of the state directory, with the commit a git reference was: a
branch that moved is not another build until `--refresh`. Local checkouts are read at every build.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError, KollaError, did_you_mean
from kolla.events import Event, Listener, ignore
from kolla.images import archive
from kolla.images.download import FetchError, download, find_in_index, trusted
from kolla.images.environment import Environment
from kolla.images.failure import known
from kolla.images.git import Repository, describe_checkout, listed, version_of
from kolla.images.graph import WHEELHOUSE, Graph
from kolla.images.options import Options
from kolla.images.requirements import Lock, normalise
from kolla.images.retry import retried
from kolla.images.sources import SOURCES, Source, Tree, check_installed, without_credentials
from kolla.places import read_json, write_json
from kolla.settings.globals import Globals

PHASE = "sources"

UNFETCHED = "not fetched yet"
"""The version of a source that nobody has asked for."""


def trees(
    settings: Globals,
    catalogue: Catalogue,
    graph: Graph,
    state_directory: Path,
    *,
    refresh: Collection[str] = (),
    ask: bool = True,
    on_event: Listener = ignore,
) -> dict[str, Tree]:
    """The sources that images of `graph` install, by distribution.

    Fetched where that is not done yet, or (not `ask`) as they are known here. For images in `refresh` it is
    found out what git references are now. InputError for a source that no image of the catalogue
    installs in this install type; KollaError for one that cannot be had.
    """
    options = Options.of(settings)
    if not options.sources:
        return {}
    if options.binary:
        _check_binary(settings, catalogue, options)
    if WHEELHOUSE not in graph.nodes:
        return {}
    lock = Lock.load(options.release, options.distribution.name)
    check_installed(settings, catalogue, lock)
    store = Store(options, lock, state_directory, on_event)
    wanted = _used(graph, graph.nodes, options)
    return store.fetched(wanted, refresh=_used(graph, refresh, options)) if ask else store.recorded(wanted)


def _used(graph: Graph, images: Collection[str], options: Options) -> set[str]:
    """The sources that some images of `graph` install; the lock is read when one installs anything."""
    installing = [name for name in images if graph.python(name)]
    if not installing:
        return set()
    lock = Lock.load(options.release, options.distribution.name)
    found = (Environment.of(graph, name, lock, options.sources).sources for name in installing)
    return {name for names in found for name in names}


def _check_binary(settings: Globals, catalogue: Catalogue, options: Options) -> None:
    """InputError for a source that nothing is made of, because its images install packages instead."""
    graph = Graph.of(catalogue, binary=True).on(options.distribution)
    used = _used(graph, graph.nodes, options)
    for name in settings.value(SOURCES):
        if normalise(name) not in used:
            raise InputError(
                f"{SOURCES}: no image installs '{name}' from source: kolla_install_type is binary",
                where=settings.where(SOURCES, name),
                expected="kolla_install_type: source, or a distribution of an image that has nothing "
                "under `binary`",
                hint=did_you_mean(normalise(name), used),
            )


@dataclass(frozen=True)
class _Found:
    """What a fetcher brought: files in the directory it was given, or a wheel."""

    version: str = ""
    """What the source itself says; empty when it does not."""
    commit: str = ""
    wheel: Path | None = None


@dataclass
class Store:
    """The sources of one state directory: the record, the archives, the repositories."""

    options: Options
    lock: Lock
    state_directory: Path
    on_event: Listener = ignore

    def fetched(self, names: Collection[str], *, refresh: Collection[str] = ()) -> dict[str, Tree]:
        """The sources of these distributions, fetched where that is not done yet.

        For those in `refresh` it is found out what git references are now. KollaError naming the
        distribution that cannot be had.
        """
        trees = {}
        for name in sorted(names):
            known = None if name in refresh else self._known(name)
            trees[name] = known or self._fetch(name, refresh=name in refresh)
        return trees

    def recorded(self, names: Collection[str]) -> dict[str, Tree]:
        """The same without asking anybody: what was not fetched yet has an empty digest."""
        trees = {}
        for name in sorted(names):
            local = self.options.sources[name].type == "local"
            known = self._fetch(name) if local else self._known(name)
            trees[name] = known or Tree(name, UNFETCHED, self.directory / f"{name}.tar", "")
        return trees

    @property
    def directory(self) -> Path:
        """Where archives and repositories are."""
        return self.state_directory / "sources"

    @property
    def _record(self) -> Path:
        return self.state_directory / "sources.json"

    def _known(self, name: str) -> Tree | None:
        """What an earlier run made of the same words and patches; never of a local checkout."""
        entry, source = self._entry(name), self.options.sources[name]
        if source.type == "local" or entry.get("recipe") != _recipe(source):
            return None
        file = self.directory / entry["file"]
        return Tree(name, entry["version"], file, entry["sha256"]) if file.exists() else None

    def _entry(self, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = read_json(self._record).get(name, {})
        return entry

    def _fetch(self, name: str, *, refresh: bool = False) -> Tree:
        source = self.options.sources[name]
        remote = source.type != "local"
        if remote:
            self.on_event(Event(PHASE, "started", name))
        self.directory.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=self.directory) as scratch:
            work = _Work(name, source, self.options, self.directory, Path(scratch), self._told(name))
            entry = self._entry(name)
            if not refresh and entry.get("recipe", {}).get("location") == _recipe(source)["location"]:
                same = entry["recipe"].get("reference") == source.reference
                work.commit = entry.get("commit", "") if same else ""
            try:
                found = getattr(work, f"from_{source.type}")()
                tree = self._kept(name, source, found, work.tree)
            except InputError:
                raise
            except (KollaError, OSError) as error:
                told = known(error, self.directory)
                told.what = f"{SOURCES}: '{name}': {told.what}"
                raise told from None
        if remote:
            self._remember(tree, source, found.commit)
            self.on_event(Event(PHASE, "done", name, message=found.commit[:12] or tree.version))
        return tree

    def _kept(self, name: str, source: Source, found: _Found, tree: Path) -> Tree:
        """Patch what was found and keep it as one file."""
        names = archive.patches(Path(source.patches)) if source.patches else ()
        locked = self.lock.requirements.get(name)
        version = source.version or found.version or (locked.version if locked else "0")
        if found.wheel is not None:
            if names:
                raise KollaError("a wheel cannot be patched", expected="the archive of its source")
            file = self.directory / found.wheel.name
            shutil.move(found.wheel, file)
            return Tree(name, version, file, archive.digest(file))
        for patch in names:
            archive.apply(patch, tree, name)
        file = self.directory / f"{name}.tar"
        return Tree(name, version, file, archive.pack(tree, file))

    def _remember(self, tree: Tree, source: Source, commit: str) -> None:
        entry = {
            "recipe": _recipe(source),
            "commit": commit,
            "version": tree.version,
            "file": tree.file.name,
            "sha256": tree.sha256,
        }
        write_json(self._record, {**read_json(self._record), tree.name: entry})

    def _told(self, name: str) -> Callable[[int, KollaError], None]:
        def tell(attempt: int, error: KollaError) -> None:
            self.on_event(Event(PHASE, "started", name, message=f"try {attempt}: {error.what}"))

        return tell


@dataclass
class _Work:
    """Fetching one source into `tree`, a directory of its own."""

    name: str
    source: Source
    options: Options
    directory: Path
    scratch: Path
    on_retry: Callable[[int, KollaError], None]
    commit: str = ""
    """What the reference was the last time; it counts instead of what it is now."""

    def __post_init__(self) -> None:
        self.tree.mkdir()

    @property
    def tree(self) -> Path:
        return self.scratch / "tree"

    def from_git(self) -> _Found:
        transport = self.options.transport
        secure = self.source.location.startswith("https:")
        repository = Repository.of(
            self.directory / f"{self.name}.git",
            self.source.location,
            proxy=transport.https_proxy if secure else transport.http_proxy,
            ca_file=trusted(transport, self.directory),
            timeout=self.options.timeout,
        )

        def fetch() -> str:
            if not self.commit:
                return repository.resolve(self.source.reference, self.source.depth)
            repository.require(self.commit, self.source.depth)
            return self.commit

        commit = self._retried(fetch)
        packed = self.scratch / "commit.tar"
        repository.export(commit, packed)
        archive.extract(packed, self.tree)
        described = version_of(repository.describe(commit)) or version_of(self.source.reference)
        return _Found(described, commit)

    def from_url(self) -> _Found:
        url = urlsplit(self.source.location)
        file = self.scratch / Path(unquote(url.path)).name
        self._download(self.source.location, file)
        found = archive.digest(file)
        if found != self.source.sha256:
            raise KollaError(
                f"{without_credentials(self.source.location)} is another file than wanted",
                expected=f"sha256 {self.source.sha256}",
                hint=f"it has {found}; look where it is from before you take that",
            )
        if file.suffix == ".whl":
            return _Found(file.name.split("-")[1], wheel=file)
        archive.unpack(file, self.tree)
        return _Found(_stated_version(self.tree))

    def from_pypi(self) -> _Found:
        address = f"{self.options.transport.pypi_index_url.rstrip('/')}/{self.name}/"
        page = self.scratch / "index.html"
        self._download(address, page)
        assert self.source.sha256, "the settings are refused without"
        url = find_in_index(page.read_text(errors="replace"), self.source.sha256, address)
        if url is None:
            raise KollaError(f"the index has no file with sha256 {self.source.sha256}")
        self.source = self.source.model_copy(update={"location": url})
        return self.from_url()

    def from_local(self) -> _Found:
        checkout = Path(self.source.location)
        names = listed(checkout)
        if names is None:
            ignored = shutil.ignore_patterns(".git", "__pycache__", "*.pyc", ".tox", ".venv", "*.egg-info")
            shutil.copytree(checkout, self.tree, symlinks=True, ignore=ignored, dirs_exist_ok=True)
        else:
            archive.copy(checkout, names, self.tree)
        return _Found(_stated_version(self.tree) or version_of(describe_checkout(checkout)))

    def _download(self, url: str, file: Path) -> None:
        transport = self.options.transport
        ca_file = trusted(transport, self.scratch)
        self._retried(lambda: download(url, file, transport, ca_file))

    def _retried(self, action: Callable[[], Any]) -> Any:
        return retried(
            action,
            self.options.retries,
            worthwhile=lambda error: isinstance(error, FetchError) and error.temporary,
            on_retry=self.on_retry,
        )


def _recipe(source: Source) -> dict[str, Any]:
    """Everything said of a source that makes a difference, its patches included."""
    words = source.model_dump(exclude={"depth"}, exclude_none=True)
    words["location"] = without_credentials(source.location)
    if source.patches is not None:
        found = archive.patches(Path(source.patches))
        words["patches"] = [[patch.name, archive.digest(patch)] for patch in found]
    return words


def _stated_version(tree: Path) -> str:
    """The version in the metadata of a source archive; empty without."""
    metadata = tree / "PKG-INFO"
    if not metadata.is_file():
        return ""
    match = re.search(r"^Version: *(\S+)", metadata.read_text(errors="replace"), re.MULTILINE)
    return match[1] if match else ""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kolla.catalogue import loader
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.errors import KollaError
from kolla.images import contents
from kolla.images import preparation as preparation_module
from kolla.images import remove as remove_module
from kolla.images import scans as scans_module
from kolla.images import signing as signing_module
from kolla.images.engine import BuildError, Request, Trial
from kolla.images.options import Options
from kolla.images.processes import Processes
from kolla.images.registry import refused

MakeCatalogue = Callable[..., Catalogue]


@pytest.fixture
def make_catalogue(tmp_path: Path) -> MakeCatalogue:
    """The catalogue with one more service `notes`: its images as YAML, and files of its `image/` folder."""

    def make(images: str, files: dict[str, str] | None = None) -> Catalogue:
        folder = tmp_path / "services" / "notes"
        (folder / "image").mkdir(parents=True, exist_ok=True)
        users = "  notes: {uid: 42999, home: /var/lib/notes, groups: [kolla]}\n"
        text = f"name: notes\ntitle: Notes\nusers:\n{users}images:\n{images}"
        (folder / "service.yml").write_text(text)
        for name, content in (files or {}).items():
            (folder / "image" / name).write_text(content)
        return loader.load([tmp_path / "services"])

    return make


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return loader.load()


@pytest.fixture(params=["13", "12"])
def options(request: pytest.FixtureRequest) -> Options:
    return Options(release="2026.1", distribution=Distribution.named("debian", request.param))


@dataclass
class FakeEngine:
    """An engine that has every image it was ever asked for; images named in `broken` cannot be built."""

    broken: set[str] = field(default_factory=set)
    tags: dict[str, set[str]] = field(default_factory=dict)
    built: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    """Those the last image was given."""
    space: bool = True
    hiccups: dict[str, list[str]] = field(default_factory=dict)
    """Image -> what its log says when its build fails, once each; then it succeeds."""
    busy: list[str] = field(default_factory=list)
    """What the registry that the base is pulled from says, once each."""
    processes: Processes = field(default_factory=Processes)
    answer: tuple[int | None, str] = (0, '{"options": {}, "plugins": {}, "unread": {}}')
    """Exit code and output of every program that is run in an image."""
    unreadable: set[str] = field(default_factory=set)
    """Images whose files cannot be read, once they are built."""
    made: dict[str, str] = field(default_factory=dict)
    """ID -> the image that was built last of those that have it."""
    ran: list[tuple[str, ...]] = field(default_factory=list)
    """Image, program and arguments of these."""

    def images(self) -> dict[str, frozenset[str]]:
        return {image: frozenset(tags) for image, tags in self.tags.items()}

    def size(self, image: str) -> int:
        return 1_000_000

    def tag(self, image: str, reference: str) -> None:
        self.tags.setdefault(image, set()).add(reference)

    def untag(self, reference: str) -> None:
        for tags in self.tags.values():
            tags.discard(reference)

    def pull(self, reference: str) -> str:
        if self.busy:
            raise refused(f"cannot pull {reference}", None, self.busy.pop(0))
        return f"{reference}@sha256:00"

    def run(self, image: str, command: Sequence[str], trial: Trial) -> tuple[int | None, str]:
        self.ran.append((image, *command))
        return self.answer

    def archives(self, image: str, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        if self.made.get(image) in self.unreadable and contents.OS_RELEASE in paths:
            raise KollaError(f"the container engine cannot read {image}")
        return iter(())

    def require_space(self, directory: Path) -> None:
        if not self.space:
            raise KollaError("no space to build images", hint="make room")

    def cancel(self) -> None:
        raise AssertionError("nothing is cancelled here")

    def build(self, request: Request) -> str:
        request.log.parent.mkdir(parents=True, exist_ok=True)
        name = request.log.stem
        if self.hiccups.get(name):
            with request.log.open("a") as log:
                log.write(self.hiccups[name].pop(0))
            raise BuildError("the build failed")
        if name in self.broken:
            request.log.write_text("#5 1.0 the reason\n")
            raise BuildError("the build failed")
        request.log.write_text("#5 1.0 fine\n")
        self.built.append(name)
        self.labels = dict(request.labels)
        image = f"sha256:{hashlib.sha256(request.dockerfile.encode()).hexdigest()}"
        self.tags.setdefault(image, set())
        self.made[image] = name
        return image


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    for module in (preparation_module, remove_module, scans_module, signing_module):
        monkeypatch.setattr(module, "connect", lambda name: fake)
    return fake

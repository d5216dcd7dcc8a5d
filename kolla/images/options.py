"""What the settings say about building, picked out once: names, and the way to the package mirrors."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kolla.build_report import InstallType
from kolla.catalogue.distribution import Distribution, Repository
from kolla.errors import InputError
from kolla.images import repositories, sources
from kolla.images.overrides import Block, blocks, template_directories
from kolla.images.repositories import Extra
from kolla.images.sources import Source
from kolla.settings.globals import Globals

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"[A-Za-z0-9-]+(?:(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?|:[0-9]+)"
_REFERENCE = re.compile(rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}")
"""The name of an image, as container engines understand it (github.com/distribution/reference)."""

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class Transport:
    """How package mirrors and indexes are reached from here. None of it may end up in an image."""

    mirrors: Mapping[str, str] = field(default_factory=dict)
    """Setting that names a mirror -> the mirror, where one is set."""
    pypi_index_url: str = "https://pypi.org/simple"
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    extra_ca_certificates: Path | None = None
    """A PEM file trusted in addition to the distribution's own authorities."""

    def url(self, repository: Repository) -> str:
        """Where a repository is reached: its mirror, or else the distribution's own servers."""
        return (self.mirrors.get(repository.mirror) or repository.url).rstrip("/")

    @property
    def proxies(self) -> dict[str, str]:
        """The proxy variables that are set, in the lower and upper case spelling programs look for."""
        given = {"http_proxy": self.http_proxy, "https_proxy": self.https_proxy, "no_proxy": self.no_proxy}
        return {spelling: value for key, value in given.items() if value for spelling in (key, key.upper())}


@dataclass(frozen=True)
class Options:
    """Everything a build is told besides the catalogue."""

    release: str
    distribution: Distribution
    binary: bool = False
    """Install type binary: OpenStack from the distribution's packages, where an image says which."""
    namespace: str = "kolla"
    registry: str = ""
    engine: str = "docker"
    """Who builds: `docker` or `podman`."""
    pull_base: bool = False
    """Take the base distribution from a registry instead of bootstrapping it from its mirror."""
    architecture: str = field(default_factory=platform.machine)
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels every image gets besides its own."""
    templates: tuple[Path, ...] = ()
    """Directories laid over the builder's templates; the last one that has a file wins."""
    blocks: Mapping[str, Mapping[str, Block]] = field(default_factory=dict)
    """Image -> block of its template -> what is added to its end."""
    repositories: tuple[Extra, ...] = ()
    """Package repositories beside the distribution's."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Distributions that are not from the release lock, normalised -> where they are from."""
    threads: int = 2
    timeout: int = 3600
    """Seconds one image may take."""
    retries: int = 3
    """Times that what failed for reasons outside is tried again."""
    keep_going: bool = True
    """Whether images are still begun after one failed."""
    name_prefix: str = ""
    moving_tag: str = ""
    """Replaces the tag that moves with every build."""
    transport: Transport = Transport()

    @classmethod
    def of(cls, settings: Globals) -> Options:
        """Read them from the globals; InputError for a base or a CA file that does not exist, and for
        what cannot be part of an image's name."""
        ca_file = str(settings.value("extra_ca_certificates") or "")
        if ca_file and not Path(ca_file).is_file():
            raise InputError(
                f"extra_ca_certificates: there is no file {ca_file}", expected="a file of PEM certificates"
            )
        distribution = settings.distribution
        mirrors = {r.mirror: str(settings.value(r.mirror) or "") for r in distribution.repositories}
        options = cls(
            release=str(settings.value("openstack_release")),
            distribution=distribution,
            binary=settings.value("kolla_install_type") == "binary",
            namespace=str(settings.value("docker_namespace")),
            registry=str(settings.value("docker_registry") or ""),
            engine=str(settings.value("kolla_container_engine")),
            pull_base=settings.value("kolla_base_source") == "pull",
            labels=_labels(settings),
            templates=template_directories(settings),
            blocks=blocks(settings),
            sources=sources.given(settings),
            repositories=repositories.given(settings),
            threads=int(settings.value("build_threads")),
            timeout=int(settings.value("image_build_timeout")),
            retries=int(settings.value("build_retries")),
            keep_going=bool(settings.value("build_keep_going")),
            name_prefix=str(settings.value("image_name_prefix") or ""),
            moving_tag=str(settings.value("docker_image_tag") or ""),
            transport=Transport(
                mirrors={setting: mirror for setting, mirror in mirrors.items() if mirror},
                pypi_index_url=str(settings.value("pypi_index_url")),
                http_proxy=str(settings.value("build_http_proxy") or ""),
                https_proxy=str(settings.value("build_https_proxy") or ""),
                no_proxy=str(settings.value("build_no_proxy") or ""),
                extra_ca_certificates=Path(ca_file) if ca_file else None,
            ),
        )
        carried = options.distribution.openstack
        if options.binary and options.release != carried:
            raise InputError(
                f"openstack_release: there are no packages of OpenStack {options.release} in "
                f"{options.distribution.name}, and kolla_install_type is binary",
                expected=f"the release it carries, '{carried}'" if carried else "kolla_install_type: source",
            )
        names = (options.reference("image"), options.reference("image", "0" * 64))
        if not all(map(_REFERENCE.fullmatch, names)):
            raise InputError(
                "docker_registry, docker_namespace, image_name_prefix, docker_image_tag, openstack_release: "
                f"'{names[0]}' cannot be the name of an image",
                expected="a registry without scheme (registry.example.org:5000), a lower-case namespace",
            )
        return options

    @property
    def install_type(self) -> InstallType:
        """The same in the word of the setting."""
        return "binary" if self.binary else "source"

    @property
    def tag(self) -> str:
        """The tag that moves with every build: `2026.1-debian-13`, `2025.1-debian-13-binary`, unless the
        settings name another."""
        return self.moving_tag or self._edition

    @property
    def _edition(self) -> str:
        return f"{self.release}-{self.distribution.name}{'-binary' if self.binary else ''}"

    def reference(self, image: str, identity: str | None = None) -> str:
        """`[registry/]namespace/image:tag`; with an identity, the tag only that identity has, else the
        one that moves."""
        prefix = f"{self.registry}/" if self.registry else ""
        tag = f"{self._edition}-{identity[:12]}" if identity else self.tag
        return f"{prefix}{self.namespace}/{self.name_prefix}{image}:{tag}"


def _labels(settings: Globals) -> dict[str, str]:
    given = {str(key): str(value) for key, value in settings.value("image_labels").items()}
    for key, value in given.items():
        if not _LABEL.fullmatch(key) or not value.isprintable():
            raise InputError(
                f"image_labels: '{key}' cannot be a label of an image",
                expected="a name such as org.opencontainers.image.vendor, and a text of one line",
            )
    return given

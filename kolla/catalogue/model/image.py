"""Images: what is in them, and who runs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from kolla.catalogue.model.words import Absolute, Expression, Mode, Model, Name, Packages, Platform, Versions


class User(Model):
    """An operating system user inside images. Numbers are on disk in volumes: never renumber."""

    uid: int
    """Its number, the same in every image and every cloud."""
    gid: int | None = None
    """Equal to `uid` when not given."""
    home: Absolute
    """Home directory; made where the user's images need it."""
    groups: tuple[str, ...] = ()
    """Other groups it belongs to: users of this name."""


class Software(Model):
    """The software an image is made for, as the labels of the image tell it."""

    source: str = ""
    """Where its source code is: https://opendev.org/openstack/keystone."""
    license: str = "Apache-2.0"
    """Its licence, as an SPDX expression."""


class Binary(Model):
    """What an image of install type `binary` has in place of `python`: software of the distribution's own."""

    packages: dict[Platform, Packages] = {}
    """Distribution packages installed, besides those of both types."""
    unpacked: dict[Platform, Packages] = {}
    """Those of which only the files are taken: programs, without the daemons they would start."""
    links: dict[Absolute, str] = {}
    """Symbolic links, in place of those with the same path: path -> target."""


class NamedSections(Model):
    """Sections of configuration files whose names are values, as those of storage backends are."""

    named_by: str = Field("", pattern=r"^(\[[^]]+\] [^ ]+)?$")
    """The option whose values name them: `[DEFAULT] enabled_backends`. Of `name:type` the name counts."""
    names: tuple[str, ...] = ()
    """Names they always have, besides."""
    pattern: str = "{}"
    """The name of the section, with a value in place of `{}`."""
    like: tuple[str, ...] = ()
    """The sections whose options they take; `*` stands for anything. Without any, they are not checked."""


class ConfigOptions(Model):
    """What the software of an image does not say of its oslo.config options by itself. Images built from it
    have the same."""

    modules: tuple[str, ...] = ()
    """Python modules that register options when they are imported, and that nothing else imports."""
    sections: tuple[NamedSections, ...] = ()
    """Sections named by the operator."""


class Image(Model):
    """One image: data for the generic Dockerfile template, or for one of the service's own."""

    parent: Name | None = "base"
    """Name of the image this one is built from; None only for the root of the graph."""
    packages: dict[Platform, Packages] = {}
    """Distribution packages installed. A family's are for all its distributions, theirs for all their
    releases; a nearer list adds to the farther ones and, with `-NAME`, takes away."""
    unpacked: dict[Platform, Packages] = {}
    """Distribution packages of which only the files are taken, without those in /etc and /var, and without
    what they depend on."""
    unavailable: dict[Platform, str] = {}
    """Where it cannot be built, and one sentence why; it and what is built from it are left out there."""
    python: tuple[str, ...] = ()
    """Distributions from PyPI in its virtual environment, in the versions the lock names."""
    patches: dict[str, dict[str, Versions]] = {}
    """Patches of the service's `image/` folder for its virtual environment (`diff -u`; paths are below
    `site-packages`, with one directory before them): file -> distribution -> versions it is for. What is
    installed from a source of the operator's own gets none."""
    system_modules: dict[Platform, tuple[str, ...]] = {}
    """Python modules of its distribution packages, one file each (`rbd` of python3-rbd), that are in its
    virtual environment or its parent's as well: what PyPI does not have."""
    binary: Binary | None = None
    """What it has instead where `kolla_install_type` is `binary`; None: it is the same in both types."""
    user: Name | None = None
    """The user its process runs as; None: root."""
    directories: dict[Absolute, Mode] = {}
    """Directories made for `user`: path -> mode."""
    files: dict[str, Absolute] = {}
    """Files of the service's `image/` folder copied in: name -> path (mode 0755)."""
    copies: dict[Absolute, Name] = {}
    """Files and directories of other images, at the same path in this one: path -> image."""
    dockerfile: str | None = None
    """A template of the service's `image/` folder instead of the generic one; it may extend it."""
    links: dict[Absolute, str] = {}
    """Symbolic links: path -> target."""
    when: Expression = "true"
    """An expression over settings of the cloud; where it is false no container is made of the image, and the
    profile `enabled` leaves it out."""
    published: bool = True
    """False for images only other builds use (builder, wheelhouse): never deployed nor pushed."""
    software: Software | None = None
    """What it is made for, when that is not the software of the service."""
    options: ConfigOptions = ConfigOptions()
    """For checking configuration files of format `oslo` before anything runs with them."""

    def package_lists(
        self, *, binary: bool = True
    ) -> Iterator[tuple[tuple[str, ...], Mapping[str, Packages]]]:
        """Lists of packages by distribution, with the words that lead to each; `binary`: its own too."""
        yield ("packages",), self.packages
        yield ("unpacked",), self.unpacked
        if binary and self.binary is not None:
            yield ("binary", "packages"), self.binary.packages
            yield ("binary", "unpacked"), self.binary.unpacked

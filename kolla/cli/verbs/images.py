"""Verbs about images."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from kolla.cli import options
from kolla.cli.build_options import BuildCommand
from kolla.cli.run import run


@click.command(cls=BuildCommand)
@click.argument("patterns", nargs=-1, metavar="[REGEX]...")
@click.option("--dry-run", is_flag=True, help="Build nothing; say what would be built, and why.")
@click.option("--list-images", is_flag=True, help="Build nothing; list the images below their parents.")
@click.option(
    "-l",
    "--list-dependencies",
    is_flag=True,
    help="Build nothing; show as a tree what is built from what.",
)
@click.option(
    "--save-dependency",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Build nothing; write that tree as a picture (FILE.svg) or for Graphviz (FILE.dot).",
)
@click.option(
    "--template-only",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="Build nothing; write every image's Dockerfile and build context. Needs no engine.",
)
@click.option(
    "--check-packages",
    is_flag=True,
    help="Build nothing; look up every package in the distribution's index, and tell those it does not have.",
)
@click.option(
    "--scan-diff",
    nargs=2,
    metavar="A B",
    help="Build nothing; list the packages added, removed, upgraded and downgraded between two builds: "
    "each a build.json, a bill of materials, a tag, an image, 'current' or 'previous'.",
)
@click.option(
    "--verify", is_flag=True, help="Build nothing; check what was built and pushed against its signatures."
)
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the images, the build report and the locks to FILE, for kolla load elsewhere.",
)
@options.images
def build(
    patterns: tuple[str, ...],
    dry_run: bool,
    list_images: bool,
    list_dependencies: bool,
    save_dependency: Path | None,
    template_only: Path | None,
    check_packages: bool,
    scan_diff: tuple[str, str] | None,
    verify: bool,
    bundle: Path | None,
    chosen: Mapping[str, Any],
) -> None:
    """Build the images in whose names a REGEX is found, and their parents; without any, every image that
    containers run from.

    An image none of whose inputs changed is not built again. One that fails does not stop the
    others; the summary names it, its log and the line that failed.
    """
    looks = (dry_run, list_images, list_dependencies, check_packages, verify)
    if sum(map(bool, (*looks, save_dependency, template_only, scan_diff))) > 1:
        raise click.UsageError("several options that build nothing; each is a run of its own")
    if dry_run:
        run(lambda cloud: cloud.forecast(patterns, chosen))
    elif list_images:
        run(lambda cloud: cloud.images(patterns, chosen))
    elif list_dependencies:
        run(lambda cloud: cloud.dependencies(patterns, chosen))
    elif save_dependency:
        run(lambda cloud: cloud.save_dependency(save_dependency, patterns, chosen))
    elif template_only:
        run(lambda cloud: cloud.template_only(template_only, patterns, chosen))
    elif check_packages:
        run(lambda cloud: cloud.check_packages(patterns, chosen))
    elif scan_diff:
        run(lambda cloud: cloud.scan_diff(*scan_diff, chosen))
    elif verify:
        run(lambda cloud: cloud.verify_images(chosen))
    else:
        _end_like_interrupted()
        run(lambda cloud: cloud.build(patterns, chosen, bundle))


@click.command()
@click.option(
    "--promote/--no-promote",
    default=True,
    help="Move the moving tags as well, once all images are there.  [default: promote]",
)
@click.option(
    "--sign", is_flag=True, help="Sign the images in the registry and the report, with `build_signing_key`."
)
@options.images
def push(promote: bool, sign: bool) -> None:
    """Push what was built or loaded to the registry of the settings.

    Every image goes under a tag that only it has; when all are there, the tags that move are pointed at
    them, unless one failed to build. What is there already is not pushed again.
    """
    _end_like_interrupted()
    run(lambda cloud: cloud.push(promote=promote, sign=sign))


@click.command()
@click.option("--sign", is_flag=True, help="Sign the report, with `build_signing_key`.")
@options.images
def promote(sign: bool) -> None:
    """Point the moving tags in the registry at what was built last, after kolla push --no-promote."""
    _end_like_interrupted()
    run(lambda cloud: cloud.promote(sign=sign))


@click.command(cls=BuildCommand)
@click.argument("patterns", nargs=-1, metavar="[REGEX]...")
@click.option(
    "--test", metavar="COMMAND", help="A shell command that tries the images; the tags move if it succeeds."
)
@options.images
def publish(patterns: tuple[str, ...], test: str | None, chosen: Mapping[str, Any]) -> None:
    """Build, push, test, and only then move the moving tags: what a CI runs for every tag or each night.

    It is kolla build --push --no-promote, COMMAND, kolla promote, and stops at the first that fails.
    """
    _end_like_interrupted()
    run(lambda cloud: cloud.publish(patterns, chosen, test))


@click.command()
@click.argument("bundle", metavar="FILE", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@options.images
def load(bundle: Path) -> None:
    """Take images and build report from FILE, which kolla build --bundle wrote, as if they were built here.

    Every digest is compared first; nothing is loaded from a FILE that is damaged, or is for another
    release, base or install type.
    """
    _end_like_interrupted()
    run(lambda cloud: cloud.load(bundle))


@click.command()
@click.option(
    "--constraints",
    default="",
    metavar="FILE|URL",
    help="OpenStack's upper constraints of the release: the versions upstream tested together.",
)
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Only what the index had at the end of that day (UTC).",
)
@click.option("--openstack-release", metavar="TEXT", help="The release.  [default: openstack_release]")
@click.option("--base", metavar="TEXT", help="The distribution.  [default: kolla_base_distro]")
@click.option("--base-version", metavar="TEXT", help="Its version.  [default: kolla_base_distro_version]")
@options.images
def lock(constraints: str, day: datetime | None, **given: str | None) -> None:
    """Lock the Python distributions of all services, with hashes.

    Takes what the services' `releases` name and all they need, in versions that the constraints
    allow; of those the newest of that day. With a date, the same command gives the same lock again.
    """
    chosen = {option: value for option, value in given.items() if value is not None}
    _end_like_interrupted()
    run(lambda cloud: cloud.lock(constraints, day.date() if day else None, chosen))


def _end_like_interrupted() -> None:
    """From now on SIGTERM, by which a CI gives up, is as Ctrl-C: what was begun is ended and removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)

"""Making the lock of the release in the settings: `kolla lock --constraints FILE|URL --date DAY`.

The roots are what the services list under `releases`; everything they need is resolved inside the
builder image, so with the Python and the libraries it is for, within the release's upper constraints
and among what the index had at the end of that day. Without a day the answer is as old as the command.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError, KollaError, did_you_mean
from kolla.events import Listener, ignore
from kolla.images.build import build
from kolla.images.context import ContextFile, helpers
from kolla.images.dockerfile import render_lock
from kolla.images.download import FetchError, read_url
from kolla.images.engine import BuildError, Request, connect
from kolla.images.failure import tail
from kolla.images.options import Options, Transport
from kolla.images.requirements import command, lock_path, normalise
from kolla.images.transport import secrets
from kolla.places import Places
from kolla.settings.globals import Globals

RESOLVER = Path(__file__).parent / "resolver.txt"
"""The one version of the resolver, with the hashes of its files: another may choose and write otherwise."""

BUILDER = "builder"
"""The image that has compilers and headers."""


@dataclass(frozen=True)
class Limits:
    """What the versions in a lock are chosen from; one of the two is given."""

    constraints: str = ""
    """File or URL of OpenStack's upper constraints for the release: what upstream tested together."""
    day: date | None = None
    """The last day (UTC) whose uploads to the index count; None: whatever the index has now."""

    def __post_init__(self) -> None:
        if not self.constraints and self.day is None:
            raise InputError(
                "nothing says which versions to lock",
                expected="--constraints FILE|URL with the release's upper constraints, --date YYYY-MM-DD, "
                "or both",
            )
        if self.day is not None and self.day >= datetime.now(UTC).date():
            raise InputError(
                f"--date {self.day} is not over yet (UTC), so it would not give the same lock again",
                expected="a day of the past",
            )

    @property
    def until(self) -> str:
        """The moment the day ends, as the resolver reads it; empty without a day."""
        if self.day is None:
            return ""
        return datetime.combine(self.day + timedelta(days=1), time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def words(self) -> str:
        """The options of the command that give them; of a file only that it was one."""
        place = self.constraints if "://" in self.constraints else "FILE"
        given = {"--constraints": place if self.constraints else "", "--date": str(self.day or "")}
        return " ".join(f"{option} {value}" for option, value in given.items() if value)


def lock(
    settings: Globals,
    catalogue: Catalogue,
    state_directory: Path,
    limits: Limits,
    on_event: Listener = ignore,
) -> Path:
    """Write the lock of the configured release on the configured base; gives back its path.

    Arguments and errors are those of `resolve`.
    """
    text = resolve(settings, catalogue, state_directory, limits, on_event)
    options = Options.of(settings)
    path = lock_path(options.release, options.distribution.name)
    path.write_text(text)
    return path


def resolve(
    settings: Globals,
    catalogue: Catalogue,
    state_directory: Path,
    limits: Limits,
    on_event: Listener = ignore,
) -> str:
    """The text of the lock of the configured release on the configured base distribution.

    InputError for a release no service knows or constraints that cannot be read; KollaError when nothing
    satisfies them, or the index does not say when its files were uploaded and a day is given.
    """
    options = Options.of(settings)
    roots = collect_roots(catalogue, options.release)
    constraints = _constraints(limits, options)
    report = build(settings, catalogue, [BUILDER], state_directory, on_event=on_event)
    log = Places(state_directory).logs / "build" / "lock.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="kolla-lock-") as name:
        request = Request(
            dockerfile=render_lock(options, report.image(BUILDER).reference or "", limits.until),
            context=(
                *helpers(options.distribution.manager),
                ContextFile("build/resolver.txt", 0o644, RESOLVER.read_bytes()),
                ContextFile("build/roots.in", 0o644, _lines(f"{n}{s}" for n, s in sorted(roots.items()))),
                ContextFile("build/constraints.txt", 0o644, _lines(relax(constraints, roots))),
            ),
            secrets=secrets(options.transport, options.distribution),
            arguments=options.transport.proxies,
            log=log,
            timeout=options.timeout,
            use_cache=False,
            output=Path(name),
        )
        try:
            connect(options.engine).build(request)
        except BuildError:
            text = "\n".join(tail(log.read_text(errors="replace")))
            raise KollaError(
                f"release {options.release} cannot be locked:\n{text}", hint=f"log: {log}"
            ) from None
        resolved = (Path(name) / "lock.txt").read_text()
    return header(options.release, options.distribution.name, limits, constraints) + strip_sources(resolved)


def collect_roots(catalogue: Catalogue, release: str) -> dict[str, str]:
    """Normalised distribution -> version specifier, of all services; InputError if none knows `release`."""
    wanted: dict[str, list[str]] = {}
    for folder in catalogue.folders.values():
        for name, specifier in folder.service.releases.get(release, {}).items():
            wanted.setdefault(normalise(name), []).append(specifier)
    if not wanted:
        known_releases = {r for folder in catalogue.folders.values() for r in folder.service.releases}
        raise InputError(
            f"no service knows release {release}",
            expected=f"one of {', '.join(sorted(known_releases))}",
            hint=did_you_mean(release, known_releases),
        )
    return {name: ",".join(dict.fromkeys(filter(None, parts))) for name, parts in wanted.items()}


def relax(constraints: str, roots: Mapping[str, str]) -> list[str]:
    """Upper constraints as pip understands them, without those on roots that have a specifier."""
    limits = []
    for line in constraints.splitlines():
        text = line.partition("#")[0].strip()
        name = re.match(r"[A-Za-z0-9._-]+", text)
        if name and not roots.get(normalise(name[0])):
            limits.append(text.replace("===", "=="))
    return limits


def strip_sources(resolved: str) -> str:
    """The resolver's output without the comments that name its input files."""
    text = re.sub(r"^    #   -[rc] \S+\n", "", resolved, flags=re.MULTILINE)
    text = re.sub(r"^    # via -[rc] \S+\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^    # via\n(?!    #   )", "", text, flags=re.MULTILINE)
    return text


def header(release: str, base: str, limits: Limits, constraints: str) -> str:
    """The first lines of a lock: what it is, and how it is made again, from the very same constraints."""
    digest = hashlib.sha256(constraints.encode()).hexdigest()
    return (
        f"# Python distributions of OpenStack {release} on {base}, with hashes. Made, not edited, by:\n"
        f"#   {command(release, base)} {limits.words}\n"
        + (f"# The constraints were sha256:{digest}.\n" if constraints else "")
    )


def _constraints(limits: Limits, options: Options) -> str:
    return (
        read_constraints(limits.constraints, options.transport, options.retries) if limits.constraints else ""
    )


def read_constraints(place: str, transport: Transport, retries: int) -> str:
    """The text of a file or URL, which is asked again where that may help; InputError when it cannot be
    read."""
    try:
        return read_url(place, transport, retries).decode() if "://" in place else Path(place).read_text()
    except (OSError, FetchError) as error:
        raise InputError(
            f"the constraints {place} cannot be read: {error}", expected="a file, or an http(s) URL"
        ) from None


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()

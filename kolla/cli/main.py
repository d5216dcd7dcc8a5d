"""The commands `kolla`, `kolla-build` and `kolla-ansible`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from kolla import __version__
from kolla.cli import failure, options
from kolla.cli.options import Options
from kolla.cli.verbs import (
    adopt,
    change,
    host,
    hosts,
    images,
    operate,
    passwords,
    quickstart,
    revisions,
    service,
    services,
    upgrade,
)
from kolla.errors import InputError, KollaError

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "From nothing": (quickstart.quickstart,),
    "From Kolla-Ansible": (adopt.adopt,),
    "Images": (images.build, images.push, images.promote, images.publish, images.load, images.lock),
    "Before a deploy": (
        passwords.genpwd,
        passwords.mergepwd,
        hosts.bootstrap_servers,
        hosts.prechecks,
        hosts.pull,
    ),
    "Change": (
        change.plan,
        change.deploy,
        change.reconfigure,
        upgrade.upgrade,
        change.genconfig,
        change.validate_config,
        change.post_deploy,
    ),
    "Operate": (
        operate.status,
        revisions.revisions,
        revisions.rollback,
        operate.check,
        operate.logs,
        operate.execute,
        operate.stop,
        operate.start,
        operate.restart,
        operate.destroy,
    ),
    "Hosts": (host.host,),
    "Extend": (service.service,),
}
"""The verbs as `kolla --help` shows them."""

EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:<5}{text}" for code, text in failure.EXIT_CODES.items())


SERVICES = "Of services"
"""The section of the verbs that services have of their own."""


class Verbs(click.Group):
    """A group whose help lists its commands by section, and which has the verbs of services as well."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Any name that is no verb of ours may be one of a service."""
        return super().get_command(ctx, cmd_name) or services.command(
            cmd_name, services.listed(ctx).get(cmd_name)
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(c.name or "", c.get_short_help_str(100)) for c in commands])
        if verbs := services.listed(ctx):
            with formatter.section(SERVICES):
                formatter.write_dl([(name, verb.description) for name, verb in verbs.items()])


@click.group(
    cls=Verbs,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="kolla")
@options.services
@click.pass_context
def kolla(ctx: click.Context) -> None:
    """Build OpenStack's containers and run them.

    Options may stand before or after the verb; `kolla VERB --help` explains each.
    """
    ctx.ensure_object(Options).verb = ctx.invoked_subcommand or ""


for _commands in SECTIONS.values():
    for _command in _commands:
        kolla.add_command(_command)


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code. Every error ends here, shown once."""
    given = Options()
    try:
        code = kolla.main(args=list(arguments), prog_name="kolla", standalone_mode=False, obj=given)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "kolla"
        return _refuse(InputError(error.format_message().rstrip("."), hint=f"see: {command} --help"), given)
    except click.ClickException as error:
        return _refuse(InputError(error.format_message()), given)
    except (click.Abort, KeyboardInterrupt):
        return _refuse(failure.Interrupted(given.verb), given)
    except KollaError as error:
        return _refuse(error, given)
    except OSError as error:
        return _refuse(failure.unusable(error) or failure.defect(error), given)
    except Exception as error:  # the last place that can turn a defect into a message
        return _refuse(failure.defect(error), given)
    return code if isinstance(code, int) else failure.OK


def _refuse(error: KollaError, given: Options) -> int:
    failure.tell(error, given.format)
    return error.exit_code


def main() -> None:
    """Entry point of `kolla`, and of `kolla-ansible`, whose verbs are the same."""
    sys.exit(invoke(sys.argv[1:]))


def build() -> None:
    """Entry point of `kolla-build`: `kolla build`."""
    sys.exit(invoke(["build", *sys.argv[1:]]))

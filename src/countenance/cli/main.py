"""The ``countenance`` command: parse, call one engine method, render; and the one place where errors end.

Rules kept here: whatever happens, a run ends with an exit status from cli/exits.py and one answer; with
``--json`` that answer is one document on standard output, errors too.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata

import click

from countenance.cli import exits
from countenance.cli.backups import backup, restore
from countenance.cli.cases import case, release, review
from countenance.cli.collecting import bystanders, grant, import_
from countenance.cli.compartments import compartment
from countenance.cli.customers import customer, key, login, person, public_register
from countenance.cli.demo import demo
from countenance.cli.door import Door, print_failure
from countenance.cli.failure import Failure, failure_of, interruption
from countenance.cli.index import capacity, index
from countenance.cli.interrupts import one_interruption
from countenance.cli.issuers import issuer
from countenance.cli.measuring import calibrate, evaluate
from countenance.cli.models import model
from countenance.cli.options import everywhere
from countenance.cli.orders import authority, hold, notice, order
from countenance.cli.proof import log, proof
from countenance.cli.records import access, expire, init, keys, migrate, permit, status, withdraw
from countenance.cli.residency import residency
from countenance.cli.searches import enrol, identify, verify
from countenance.cli.serve import serve


class StoryOrder(click.Group):
    """Lists the commands in the order in which people need them, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names as they were added."""
        return list(self.commands)


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value:
        return
    try:
        click.echo(f"countenance {metadata.version('countenance')}")
    except metadata.PackageNotFoundError:
        click.echo("countenance, version unknown: run from a source tree without having been installed")
    ctx.exit()


@click.group(cls=StoryOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."
)
@everywhere
def commands() -> None:
    """Face search that asks first: enrol with permission, identify, verify, and forget provably.

    The gallery is the folder named by --gallery or COUNTENANCE_GALLERY. These options may stand before or
    after the command.
    """


_COMMANDS: tuple[click.Command, ...] = (
    *(init, permit, enrol, identify, verify, access, withdraw, status, expire, migrate, keys, model),
    *(import_, bystanders, grant),
    *(evaluate, calibrate),
    *(residency, authority, order, hold, notice, proof, log, backup, restore),
    *(index, capacity),
    *(customer, compartment, person, issuer, login, key, case, review, release, public_register),
    serve,
    demo,
)
for _command in _COMMANDS:
    commands.add_command(_command)


def run(arguments: Sequence[str], door: Door | None = None) -> int:
    """Run one command line and return its exit status. Never raises; never leaves a traceback on a screen."""
    door = Door() if door is None else door
    with one_interruption():
        return _run(arguments, door)


def _run(arguments: Sequence[str], door: Door) -> int:
    try:
        try:
            status_or_none = commands.main(list(arguments), "countenance", standalone_mode=False, obj=door)
            sys.stdout.flush()
        except SystemExit as leaving:
            # The only thing that click answers itself when it is not standalone: EPIPE.
            raise BrokenPipeError from leaving
        except BrokenPipeError:
            raise
        except (KeyboardInterrupt, click.Abort):
            return _fail(interruption("" if door.meter is None else door.meter.finished), door, arguments)
        except Exception as error:  # noqa: BLE001 - the last place that can turn a defect into an answer
            if door.debug:
                traceback.print_exc()
            return _fail(failure_of(error), door, arguments)
    except BrokenPipeError:
        # The reader has gone (`| head`). Nothing is wrong; keep the interpreter from flushing into the void.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.BROKEN_PIPE
    return status_or_none if isinstance(status_or_none, int) else exits.OK


def _fail(failure: Failure, door: Door, arguments: Sequence[str]) -> int:
    # A line that could not be parsed never reached the door; what was typed still says how to answer.
    typed = list(arguments)
    options = typed[: typed.index("--")] if "--" in typed else typed
    print_failure(failure, as_json=door.as_json or "--json" in options)
    sys.stdout.flush()
    return failure.status


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))

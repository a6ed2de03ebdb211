"""``entrepot reencrypt``: asked for here, done by a process of jobs, and followed."""

import sys
import time

import click

from entrepot import clock
from entrepot.cli.arguments import PLACE, REFUSED, takes
from entrepot.cli.folders import opened, opened_rows
from entrepot.cli.progress import bar
from entrepot.identity.facts import iso
from entrepot.registry import reencryption_request as requests
from entrepot.registry.reencryption_request import Request
from entrepot.runtime import Runtime
from entrepot.serving import reencrypting
from entrepot.settings import Settings

# A process of jobs looks every five seconds; one that has died is started again after as long.
_PATIENCE = 20.0  # seconds
_LOOK = 0.5
_INTERRUPTED = 130
_SEALS = {True: "seal", False: "make plain", None: "leave sealed or plain"}

here = click.option("--now", is_flag=True, help="Do it here and at full speed, unless somebody is at it.")


@click.command()
@here
@click.option("--status", is_flag=True, help="Only tell how far it is, or what came of the last one.")
@click.option("--stop", is_flag=True, help="Only end what goes on.")
@takes(*PLACE, "default_at_rest", "least_free")
def reencrypt(settings: Settings, *, now: bool, status: bool, stop: bool) -> None:
    """
    Bring what is stored to default_at_rest and the newest root key; the server may be at work.

    A process of jobs does that, and goes on with it after a crash; this command follows it to its end. Where nobody
    takes it up, it is done here. Exit code 1: some of it could not be done.
    """
    if status or stop:
        with opened_rows(settings) as database:
            if stop and not database.write(requests.stop):
                click.echo("nothing goes on")
            _show(requests.last(database))
        return
    with opened(settings) as runtime:
        follow(runtime, seal=settings.seals, now=now)


def follow(runtime: Runtime, *, seal: bool | None, now: bool) -> None:
    """Ask for a re-encryption, see it through, and tell what came of it."""
    reencrypting.ask(runtime, seal=seal)
    try:
        request = _followed(runtime, now=now)
    except KeyboardInterrupt:
        click.echo("processes of jobs go on with it: entrepot reencrypt --status, or --stop", err=True)
        sys.exit(_INTERRUPTED)
    _tell(request)
    if request.failure:
        click.echo(f"entrepot: {_state(request)}", err=True)
    if request.failure or request.course.damaged:
        sys.exit(REFUSED)


def _followed(runtime: Runtime, *, now: bool) -> Request:
    """The request when it has ended or failed."""
    me, looked_after = reencrypting.new_worker(), clock.ticks()
    with bar() as progress:
        while True:
            request = requests.last(runtime.database)
            assert request is not None  # it was asked for
            if not request.goes_on:
                return request
            progress(request.course.seen, request.course.total)
            if not request.is_free_for(me):
                looked_after = clock.ticks()
            elif now or clock.ticks() - looked_after > _PATIENCE:
                reencrypting.take_up(
                    runtime, me, in_a_hurry=now, watch=lambda course: progress(course.seen, course.total)
                )
                continue
            time.sleep(_LOOK)


def _show(request: Request | None) -> None:
    if request is None:
        click.echo("nobody has asked for a re-encryption")
        return
    click.echo(
        f"asked for {iso(request.asked_at)}: {_SEALS[request.seal]}, under version {request.version} of the root key"
    )
    click.echo(f"{_state(request)}: {request.course.seen} of {request.course.total} bytes looked at")
    _tell(request)


def _state(request: Request) -> str:
    if request.ended_at is not None:
        return f"{request.failure or 'done'} {iso(request.ended_at)}"
    if request.failure:
        return f"cut short, and tried again: {request.failure}"
    if request.worker and request.worker_until > clock.now():
        return f"under way ({request.worker.partition('/')[0]})"
    return "waits for a process of jobs"


def _tell(request: Request) -> None:
    course = request.course
    for sentence in course.damage:
        click.echo(sentence)
    if course.damaged > len(course.damage):
        click.echo("and others: entrepot verify names all")
    click.echo(f"written anew: blobs {course.blobs}, bytes {course.size}; left as they are: {course.damaged}")

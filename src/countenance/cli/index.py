"""Commands about the index: index status, tune, refinement and move; and capacity, which needs no gallery."""

from __future__ import annotations

import click

from countenance.cli import exits, index_words
from countenance.cli.door import Door
from countenance.cli.options import everywhere
from countenance.errors import InputInvalid

here = click.make_pass_decorator(Door)


@click.group(short_help="See, tune and move the index that searches use.")
@everywhere
def index() -> None:
    """See, tune and move the index that searches use. It is a cache: it can always be made again."""


@index.command()
@everywhere
@here
def status(door: Door) -> None:
    """Show what the index is, what it holds, how it is tuned, and the age of its snapshot."""
    with door.open() as engine:
        document = engine.index.status().as_dict()
    door.answer(document, lambda console: index_words.status(console, document))


@index.command()
@click.option(
    "--recall",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.999,
    show_default=True,
    help="Share of searches that must rank the subject first whom an exact search ranks first.",
)
@click.option("--seed", type=int, help="Draw the same sample again.")
@everywhere
@here
def tune(door: Door, recall: float, seed: int | None) -> int:
    """Choose how far a search goes for a stated recall, measured on this gallery; every process uses it.

    The exit status is 1 if no setting reached the recall; the best is used then.
    """
    with door.open() as engine:
        document = engine.index.tune(recall, seed=seed, progress=door.progress()).as_dict()
    door.answer(document, lambda console: index_words.tuned(console, document))
    return exits.OK if document["reached"] else exits.PARTLY


@index.command()
@click.argument("place", type=click.Choice(["memory", "disk"]))
@everywhere
@here
def refinement(door: Door, place: str) -> None:
    """Keep what scores the candidates in memory, or on disk.

    Every process opens its index anew at its next search. On disk it lies in nameless encrypted files whose keys
    are in memory only: nothing of it can be read after the process has ended.
    """
    with door.open() as engine:
        before = engine.index.keep_refinement(place)
    document: dict[str, object] = {"refinement": place, "before": before}
    door.answer(document, lambda console: index_words.refined(console, document))


@index.command()
@click.option("--to", metavar="ENGINE", help="milvus://HOST:PORT[/DATABASE], or embedded.")
@click.option(
    "--kind",
    type=click.Choice(["FLAT", "IVF_SQ8", "IVF_RABITQ"]),
    default="FLAT",
    show_default=True,
    help="The server's index structure.",
)
@click.option("--lists", type=click.IntRange(1), default=1024, show_default=True, help="Lists of an inverted file.")
@click.option(
    "--probes", type=click.IntRange(1), default=64, show_default=True, help="Lists that a search looks at."
)
@click.option("--shards", type=click.IntRange(1), default=1, show_default=True, help="Spread of writes.")
@click.option("--copies", type=click.IntRange(1), default=1, show_default=True, help="Replicas on the server.")
@click.option("--gc-seconds", type=click.IntRange(0), help="How long the server keeps a dropped segment.")
@click.option("--queue-seconds", type=click.IntRange(0), help="How long its message queue keeps what was written.")
@click.option(
    "--staleness-ms",
    type=click.IntRange(0),
    default=500,
    show_default=True,
    help="How late other processes' changes may be seen.",
)
@click.option(
    "--purge-seconds",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    show_default=True,
    help="How long an erasure waits for the server to drop deleted rows.",
)
@click.option("--abandon", is_flag=True, help="Give up a move that is under way, and delete what it wrote.")
@everywhere
@here
def move(
    door: Door,
    to: str | None,
    kind: str,
    lists: int,
    probes: int,
    shards: int,
    copies: int,
    gc_seconds: int | None,
    queue_seconds: int | None,
    staleness_ms: int,
    purge_seconds: float,
    abandon: bool,
) -> None:
    """Move the index to a server, or back, while searches go on.

    After an interruption, type the same again: it goes on where it was. The switch comes after sampled searches
    on both sides have agreed.
    """
    if abandon == (to is not None):
        raise InputInvalid("Say either where to (--to), or --abandon.")
    with door.open() as engine:
        if to is None:
            gone = engine.index.abandon()
            document: dict[str, object] = {"abandoned": gone}
        else:
            target = engine.index.setting(
                to,
                kind=kind,
                lists=lists,
                probes=probes,
                shards=shards,
                replicas=copies,
                gc_seconds=gc_seconds,
                queue_seconds=queue_seconds,
                staleness_ms=staleness_ms,
                purge_seconds=purge_seconds,
            )
            document = engine.index.move(target, progress=door.progress()).as_dict()
    door.answer(document, lambda console: index_words.moved(console, document))


@click.command(short_help="Plan machines and accuracy for a gallery of any size; needs no gallery.")
@click.option("--faces", type=float, required=True, help="References: 20e9.")
@click.option("--dims", type=click.IntRange(8, 4096), default=128, show_default=True, help="Length of a template.")
@click.option("--qps", type=float, default=1.0, show_default=True, help="Searches a second.")
@click.option(
    "--replicas", type=click.IntRange(1), default=1, show_default=True, help="How often all of it is kept."
)
@click.option("--node-memory", type=float, default=256.0, show_default=True, help="Memory of a node, GB.")
@click.option(
    "--node-speed", type=float, default=1.0, show_default=True, help="A node's memory speed over this machine's."
)
@click.option(
    "--searched-share", type=float, default=0.125, show_default=True, help="Of the codes, read by one search."
)
@click.option(
    "--writers", type=click.IntRange(1), default=1, show_default=True, help="Processes that load a server."
)
@click.option(
    "--false-positives", type=float, default=0.01, show_default=True, help="Strangers expected in one search."
)
@everywhere
@here
def capacity(
    door: Door,
    faces: float,
    dims: int,
    qps: float,
    replicas: int,
    node_memory: float,
    node_speed: float,
    searched_share: float,
    writers: int,
    false_positives: float,
) -> None:
    """Plan nodes, memory, disk, times and accuracy for a gallery of any size.

    Measures this machine first, for about ten seconds; every figure is printed with its formula.
    """
    # Imported here: --help needs none of it.
    from countenance.engine.capacity import estimate

    with door.progress() as progress:
        document = estimate(
            faces,
            dimensions=dims,
            queries_per_s=qps,
            replicas=replicas,
            node_memory_gb=node_memory,
            node_speed=node_speed,
            searched_share=searched_share,
            writers=writers,
            false_positives=false_positives,
            progress=progress,
        ).as_dict()
    door.answer(document, lambda console: index_words.capacity(console, document))

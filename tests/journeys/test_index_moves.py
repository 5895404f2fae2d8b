"""The index moves to a real Milvus server and back while the gallery is searched and changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from countenance import Countenance
from countenance.cli.main import run
from countenance.errors import EngineError, InputInvalid, MoveUnusable
from countenance.index.milvus_purge import Retention
from countenance.index.setting import EngineSetting
from tests.galleries import Galleries, fill, names, row, search, template
from tests.servers.milvus import GC_SECONDS, MilvusServer

pytestmark = [pytest.mark.milvus, pytest.mark.slow, pytest.mark.xdist_group("milvus")]


def there(server: MilvusServer) -> EngineSetting:
    """The server, with what the tests know about it."""
    return EngineSetting(
        server.uri,
        retention=Retention(gc_seconds=2 * GC_SECONDS, queue_seconds=3 * 24 * 3600, segments=server.data),
        purge_seconds=90.0,
    )


_KILLED = """
import os, signal, sys
from countenance import Countenance
from countenance.index.setting import EngineSetting
from tests.galleries import START, SteppedClock
def stop(done, total, what):
    os.kill(os.getpid(), signal.SIGKILL)
with Countenance(sys.argv[1], cache=sys.argv[2], clock=SteppedClock(START)) as gallery:
    gallery.index.move(EngineSetting.parse(sys.argv[3]), progress=stop)
"""


class Stopped(Exception):
    """What a test throws to stop a move half way."""


def filled(galleries: Galleries, count: int = 300) -> Countenance:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", template(1)), row("ben", template(2))])
    fill(gallery, count)
    return gallery


def test_a_move_to_a_server_keeps_every_promise_of_the_gallery(galleries: Galleries, milvus: MilvusServer) -> None:
    gallery = filled(galleries)
    told: list[tuple[int, int | None]] = []
    before = search(gallery, template(1, near=template(1), away=0.3))

    def seen(done: int, total: int | None, what: str) -> None:
        told.append((done, total))
        assert names(search(gallery, template(2))) == ["ben"]  # searches go on

    moved = gallery.index.move(there(milvus), progress=seen)

    assert (moved.references, moved.compared, moved.agreed) == (302, 64, 64)
    assert told[-1] == (302, 302)
    status = gallery.index.status()
    assert (status.kind, status.references, status.engine) == ("distributed", 302, milvus.uri)
    assert list((galleries.folder / "index").glob("*.snapshot")) == []
    after = search(gallery, template(1, near=template(1), away=0.3))
    assert names(after) == names(before) == ["anna"]

    other = galleries.open()  # another process would read the same facts
    assert names(search(other, template(2))) == ["ben"]
    gallery.enrol_templates([row("carla", template(3))])
    assert names(search(gallery, template(3))) == ["carla"]
    assert names(search(other, template(3))) == ["carla"]

    erased = gallery.withdraw("ben").erased
    assert names(search(other, template(2))) == []
    [answer] = [one for one in erased.confirmations if one.holder == "index"]
    assert answer.absent
    assert "queue" in str(answer.unconfirmed)

    back = gallery.index.move("embedded")
    assert (back.references, back.agreed) == (302, back.compared)
    assert "queue" in str(back.unconfirmed)
    assert names(search(other, template(3))) == ["carla"]
    assert names(search(other, template(2))) == []
    assert gallery.index.status().kind == "exact"


def test_a_move_that_was_killed_goes_on_and_misses_neither_newcomers_nor_the_withdrawn(
    galleries: Galleries, milvus: MilvusServer
) -> None:
    gallery = filled(galleries, 6000)
    root = str(Path(__file__).resolve().parents[2])
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(galleries.folder), str(galleries.cache), there(milvus).text()],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([root, *(p for p in sys.path if p)])},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert gallery.index.status().moving_to == milvus.uri
    assert names(search(gallery, template(1))) == ["anna"]
    gallery.enrol_templates([row("carla", template(3))])
    erased = gallery.withdraw("ben").erased
    [answer] = [one for one in erased.confirmations if one.holder == "index"]
    assert "server" in answer.checked

    again = galleries.open()
    with pytest.raises(MoveUnusable):
        again.index.move("milvus://127.0.0.1:1")
    moved = again.index.move(there(milvus))
    assert moved.resumed
    assert moved.references < 6000
    assert names(search(again, template(3))) == ["carla"]
    assert names(search(again, template(2))) == []
    assert again.index.status().references == 6002
    assert not (galleries.folder / "index" / "move.checkpoint").exists()


def test_an_abandoned_move_leaves_nothing_on_the_server(galleries: Galleries, milvus: MilvusServer) -> None:
    gallery = filled(galleries)

    def stop(done: int, total: int | None, what: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        gallery.index.move(there(milvus), progress=stop)
    assert gallery.index.abandon() == milvus.uri
    left = gallery._searching.place(gallery.model, there(milvus))
    assert len(left.connected()) == 0  # type: ignore[union-attr]  # it is on a server
    left.close()
    assert gallery.index.status().moving_to is None
    assert gallery.index.abandon() is None


def test_a_server_that_lost_everything_is_filled_again_from_the_sealed_templates(
    galleries: Galleries, milvus: MilvusServer
) -> None:
    gallery = filled(galleries)
    gallery.index.move(there(milvus))
    lost = gallery._searching.place(gallery.model, there(milvus))
    lost.connected().clear()  # type: ignore[union-attr]
    lost.close()
    again = galleries.open()
    assert names(search(again, template(1))) == ["anna"]
    assert again.index.status().references == 302


def test_the_command_line_moves_and_shows(
    galleries: Galleries, milvus: MilvusServer, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(galleries, 50)
    at = ["--gallery", str(galleries.folder), "--json"]
    asked = ["--gc-seconds", "10", "--queue-seconds", "60"]
    assert run(["index", "move", "--to", f"milvus://127.0.0.1:{milvus.port}", *asked, *at]) == 0
    moved = json.loads(capsys.readouterr().out)
    assert (moved["from"], moved["references"], moved["agreed"]) == ("embedded", 52, moved["compared"])
    assert run(["index", "status", *at]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "distributed"
    assert run(["index", "tune", *at]) == 64
    assert "tuned there" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert run(["index", "move", "--to", "embedded", *at]) == 0
    assert json.loads(capsys.readouterr().out)["to"] == "embedded"


def test_a_server_that_is_not_there_changes_nothing(galleries: Galleries) -> None:
    gallery = filled(galleries, 20)
    nowhere = EngineSetting("milvus://127.0.0.1:1")
    with pytest.raises(EngineError):
        gallery.index.move(nowhere)
    assert gallery.index.status().moving_to is None
    assert names(search(gallery, template(1))) == ["anna"]


@pytest.mark.parametrize("uri", ["milvus://root:secret@host:1", "ftp://host", "milvus://", "somewhere"])
def test_an_address_that_is_none_or_holds_a_password_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid) as refused:
        EngineSetting(uri)
    assert "secret" not in str(refused.value)

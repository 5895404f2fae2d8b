"""Documents that are wrong fail the build: links resolve, commands exist, examples run, tables are complete."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from countenance.cli.door import Door
from countenance.cli.exits import EXIT_STATUS
from countenance.cli.main import commands, run
from countenance.settings import ImageLimits

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(document.relative_to(ROOT)) for document in DOCUMENTS]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    language: str
    text: str


@cache
def blocks(document: Path) -> tuple[Block, ...]:
    return tuple(Block(*found) for found in BLOCK.findall(document.read_text("utf-8")))


def prose(document: Path) -> str:
    return BLOCK.sub("", document.read_text("utf-8"))


def console_lines(document: Path) -> Iterator[str]:
    for block in blocks(document):
        if block.language == "console":
            yield from (line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ "))


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in LINK.findall(prose(document)):
        if target.startswith(("https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        place = (document.parent / file).resolve() if file else document
        assert place.exists(), f"{target} is not there"
        assert place.is_relative_to(ROOT), f"{target} leaves the repository"
        assert not anchor or anchor in anchors(place), f"{target}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_command_in_a_document_can_be_typed(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line in console_lines(document):
        program, *arguments = shlex.split(line, comments=True)
        if program == "make":
            assert set(arguments) <= targets, line
        elif program == "countenance":
            parse(commands, "countenance", arguments)
        else:
            assert program in {"export"}, f"{line}: not a command of ours"


def parse(command: click.Command, name: str, arguments: list[str], parent: click.Context | None = None) -> None:
    """Let click read the line without running anything; a wrong one raises click.UsageError."""
    context = command.make_context(name, list(arguments), parent=parent, obj=Door())
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        child_name, child, child_arguments = command.resolve_command(context, rest)
        assert child is not None
        parse(child, str(child_name), child_arguments, context)


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_json_example_is_json(document: Path) -> None:
    for block in blocks(document):
        if block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_no_document_names_a_place_of_somebodys_machine_or_a_package_index(document: Path) -> None:
    text = document.read_text("utf-8")
    for forbidden in (r"/work/", r"/tmp/", r"/home/", r"/root/", "index-url", r"pypi\.org", "pythonhosted"):
        assert not re.search(forbidden, text), forbidden


def test_the_table_of_exit_statuses_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs/cli.md").read_text("utf-8")
    for status in sorted(set(EXIT_STATUS.values())):
        codes = ", ".join(f"`{code}`" for code, its_status in EXIT_STATUS.items() if its_status == status)
        assert f"\n| {status} | {codes} |\n" in text
    assert len(re.findall(r"^\| \d+ \| `", text, re.MULTILINE)) == len(set(EXIT_STATUS.values()))


def all_commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for key, child in getattr(command, "commands", {}).items():
        yield f"{name} {key}".strip(), child
        yield from all_commands(child, key)


def test_every_command_and_every_option_is_documented() -> None:
    text = (ROOT / "docs/cli.md").read_text("utf-8")
    for name, command in all_commands(commands):
        assert f"countenance {name}" in text, name
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.opts[0] in text, f"{name} {parameter.opts[0]}"


def test_the_limits_are_those_of_the_code() -> None:
    text = (ROOT / "docs/limits.md").read_text("utf-8")
    limits = ImageLimits()
    assert f"| {limits.size_bytes // 2**20} MiB |" in text
    assert f"| {limits.pixels // 10**6} million |" in text
    assert f"| {limits.side_pixels:,} |" in text


def test_every_document_that_the_code_refers_to_is_there() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]
    named = {name for source in sources for name in re.findall(r"docs/[\w/.-]+\.md", source)}
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_the_architecture_page_shows_the_folders_that_are_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    package = ROOT / "src/countenance"
    folders = {p.parent.relative_to(package) for p in package.rglob("__init__.py")} - {Path()}
    missing = [str(f) for f in sorted(folders) if len(f.parts) < 3 and f"{f.name}/" not in text]
    assert missing == []
    shown = re.findall(r"^ {2,4}(\w+)/", text, re.MULTILINE)
    assert sorted(name for name in shown if name not in {f.name for f in folders}) == []


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pictures that the documents' examples name; everything runs in it."""
    data = pytest.importorskip("skimage.data", reason="scikit-image ships the portrait that the examples use")
    from PIL import Image, ImageEnhance

    portrait = Image.fromarray(data.astronaut())
    portrait.save(tmp_path / "anna-1.jpg", quality=92)
    for name in ("anna-2.jpg", "a.jpg"):
        ImageEnhance.Brightness(portrait).enhance(0.8).save(tmp_path / name, quality=90)
    for name in ("crowd.jpg", "b.jpg"):
        portrait.rotate(4).save(tmp_path / name, quality=85)
    # The proof's examples read these; an empty certificate is checked, and does not stand.
    (tmp_path / "keys.txt").write_text("", "utf-8")
    (tmp_path / "certificate.json").write_text("{}", "utf-8")
    for variable in ("COUNTENANCE_GALLERY", "COUNTENANCE_KEYS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "document",
    [d for d in DOCUMENTS if any(b.language == "python" for b in blocks(d))],
    ids=lambda d: str(d.relative_to(ROOT)),
)
def test_python_examples_run_from_top_to_bottom(document: Path, album: Path) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    for number, block in enumerate(b for b in blocks(document) if b.language == "python"):
        exec(compile(block.text, f"{document.name}, example {number + 1}", "exec"), names)


@pytest.mark.slow
def test_the_readmes_story_runs_as_it_is_typed(
    album: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_a_year = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
    said = {}
    for line in console_lines(ROOT / "README.md"):
        # A day in a document passes; the story must still run afterwards.
        program, *arguments = shlex.split(re.sub(r"\b20\d\d-\d\d-\d\d\b", in_a_year, line), comments=True)
        if program == "export":
            name, _, value = arguments[0].partition("=")
            monkeypatch.setenv(name, value)
        elif program == "countenance":
            status = run(arguments)
            out, err = capsys.readouterr()
            assert status == 0, f"{line}: {err}"
            said[arguments[0]] = out
    assert "anna" in said["identify"]
    assert ": the same person" in said["verify"]
    assert "Nothing is left." in said["withdraw"]
    assert (album / "anna.zip").stat().st_size > 0

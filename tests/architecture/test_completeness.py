"""Nothing that can hold a person's data is forgotten, and every module keeps the rules of the house."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Table
from tests.galleries import Galleries, permit

import countenance
from countenance import Countenance, errors
from countenance.store import schema, schema_version
from countenance.store.holder import StoreHolder

SOURCE = Path(countenance.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
LINES = 400
CATALOGUES = {"errors.py"}
"""Lists of small things that are easier to find in one place; they hold no logic."""

STILL_TOO_LONG = {"custody/proof/verifier.py"}
"""Modules that have to be split yet. Nothing may be added here; what is short enough must be taken out."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


# -- tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", schema.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_is_personal_or_harmless_with_a_reason(table: Table) -> None:
    assert (table in schema.PERSONAL) != (table in schema.HARMLESS)
    if table in schema.HARMLESS:
        assert len(schema.HARMLESS[table].split()) >= 3


@pytest.mark.parametrize("table", sorted(schema.PERSONAL, key=lambda t: t.name), ids=lambda table: table.name)
def test_every_personal_table_names_its_subject_and_is_reached_by_the_store_holder(table: Table) -> None:
    from countenance.holding import Target
    from countenance.store.holder import _reached
    from countenance.terms import SubjectId

    assert "subject_id" in table.c
    assert table in [reached for reached, _ in _reached([Target(SubjectId(1))])]


def test_a_harmless_table_with_a_subjects_number_says_why() -> None:
    for table, reason in schema.HARMLESS.items():
        if "subject_id" in table.c:
            assert re.search(r"number|commitment|keyed|evidence|hold|order", reason), table.name


def test_the_store_holder_is_a_holder() -> None:
    for method in ("describe", "erase", "confirm_absent"):
        assert callable(getattr(StoreHolder, method))


def test_every_migration_bears_the_number_of_its_file_and_follows_the_one_before() -> None:
    before = None
    for file in sorted((SOURCE / "migrations" / "versions").glob("v*.py")):
        migration = importlib.import_module(f"countenance.migrations.versions.{file.stem}")
        assert migration.revision == file.name[1:5]
        assert migration.down_revision == before
        before = migration.revision
    assert before == schema_version.newest()


# -- files --------------------------------------------------------------------------------------------------------

FILES = {
    r"gallery/gallery\.json": "names the gallery, nobody in it",
    r"gallery/gallery\.db(-wal|-shm)?": "Holder store",
    r"gallery/\.erasing": "an empty lock",
    r"gallery/blobs/[0-9a-f]{2}/[0-9a-f]{32}\.sealed": "Holder blobs",
    r"gallery/blobs/\.staging-[0-9a-f]{16}/[0-9a-f]{32}\.announced": "an empty note that an image is being sent",
    r"gallery/blobs/\.staging-[0-9a-f]{16}/lock": "an empty lock",
    r"gallery/index/[0-9a-f]{16}\.\d+\.\d+\.snapshot": "Holder index",
    r"gallery/staged/[0-9a-f]{16}/\d+/[0-9a-f]{32}\.sealed": "Holder staged",
    r"gallery/owners/[0-9a-f]{16}\.lock": "an empty lock",
    r"gallery/index/\.(writing|serving)": "an empty lock",
    r"gallery/index/move\.checkpoint": "the number of the last reference that a move has copied",
    r"gallery/log/.*": "the tamper-evident log: commitments only, which a destroyed key unlinks",
    r"gallery/calibrations/[0-9a-f]{16}-(plain|mirrored)\.json": "statistics of scores: no template, nobody's name",
    r"gallery/certificates/[0-9a-f]{32}\.json": "proof of an erasure: commitments and counts only",
    r"gallery\.keys/(keyring\.json|root\.key|epoch\.key|epoch\.lock|slots\.lock)": "keys of the gallery, of nobody",
    r"gallery\.keys/slots\.bin": "Holder keyring",
    r"gallery\.keys/jurisdictions/[A-Z]{2}(-[A-Z0-9]{1,3})?\.key": "keys of a jurisdiction, of nobody",
}
"""Every file that a gallery may write, by its path under the folder that holds data and keys, with its keeper."""


def test_every_file_that_a_gallery_writes_has_a_holder_or_a_reason(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery = galleries.new()
    seen: set[str] = set()
    for subject in ("anna", "bob"):
        permit(gallery, subject)
        gallery.enrol(subject, portrait_photographs[:2])
    seen |= files_in(tmp_path)
    calibration = gallery._calibration(gallery.model)
    assert calibration is not None
    gallery._calibrations.keep(calibration)
    gallery.identify(portrait_photographs[2], purpose="event-photos")
    gallery._staged.put(gallery._owners.number, gallery._ledger.find("bob").subject_id, portrait_photographs[0])
    gallery.withdraw("anna")
    seen |= files_in(tmp_path)
    gallery.close()
    seen |= files_in(tmp_path)
    unknown = {name for name in seen if not any(re.fullmatch(pattern, name) for pattern in FILES)}
    assert not unknown, f"files without a Holder or a reason: {sorted(unknown)}"
    for pattern, keeper in FILES.items():
        if keeper.startswith(("Holder", "statistics")):
            assert any(re.fullmatch(pattern, name) for name in seen), pattern


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_holder_that_the_files_name_is_asked_at_every_erasure(galleries: Galleries) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    asked = {one.holder for one in gallery.withdraw("anna").erased.confirmations}
    named = {keeper.split()[1] for keeper in FILES.values() if keeper.startswith("Holder")}
    assert asked == named


# -- errors -------------------------------------------------------------------------------------------------------


def every_error() -> Iterator[type[errors.CountenanceError]]:
    for module in pkgutil.walk_packages([str(SOURCE)], "countenance."):
        if not module.name.startswith(("countenance.migrations", "countenance.cli", "countenance.http")):
            importlib.import_module(module.name)
    waiting = [errors.CountenanceError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


def test_every_error_has_a_code_of_its_own_a_docstring_and_its_home_in_errors() -> None:
    kinds = [kind for kind in every_error() if kind.__module__.startswith("countenance")]
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes), sorted(code for code in codes if codes.count(code) > 1)
    for kind in kinds:
        assert "code" in vars(kind), kind
        assert re.fullmatch(r"[a-z][a-z_]{2,30}", kind.code), kind
        assert (vars(kind).get("__doc__") or "").strip().endswith("."), kind
        assert kind.__module__ == "countenance.errors", kind


# -- modules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_opens_with_a_docstring_and_is_short(path: Path) -> None:
    text = path.read_text()
    if path.name != "__init__.py" or text.strip():
        assert ast.get_docstring(ast.parse(text)), "no docstring"
    lines = len(text.splitlines())
    if name_of(path) in STILL_TOO_LONG:
        assert lines > LINES, "short enough by now: take it out of STILL_TOO_LONG"
    elif name_of(path) not in CATALOGUES:
        assert lines <= LINES, f"{lines} lines"
    assert not FORBIDDEN_NAMES & {part.removesuffix(".py") for part in path.relative_to(SOURCE).parts}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_pickles_swallows_errors_or_leaves_work_undone(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & {"pickle", "shelve", "marshal", "dill"}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in {"pickle", "shelve", "marshal", "dill"}
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id == "Exception":
            assert not all(isinstance(step, ast.Pass) for step in node.body), f"line {node.lineno}"
        if isinstance(node, ast.Name):
            assert node.id != "NotImplementedError", f"line {node.lineno}"
        if isinstance(node, ast.Call):
            assert not any(word.arg == "allow_pickle" for word in node.keywords), f"line {node.lineno}"
    assert not re.search(r"\b(TODO|FIXME)\b|# type: ignore(?!\[)", path.read_text())


# -- the engine ---------------------------------------------------------------------------------------------------

PUBLIC = [name for name, _ in inspect.getmembers(Countenance) if not name.startswith("_")]
RAISES = {
    "init",
    "permit",
    "enrol",
    "enrol_templates",
    "identify",
    "verify",
    "access",
    "withdraw",
    "add_model",
    "migrate",
}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_of_the_engine_is_documented_with_its_errors(name: str) -> None:
    documented = inspect.getdoc(inspect.getattr_static(Countenance, name)) or ""
    assert documented
    if name in RAISES:
        assert "Raises" in documented


@pytest.mark.parametrize("name", sorted(RAISES))
def test_the_errors_that_a_method_documents_exist(name: str) -> None:
    documented = inspect.getdoc(getattr(Countenance, name)) or ""
    words = re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", documented.partition("Raises")[2])
    for word in words:
        if word not in {"PostgreSQL"}:
            assert hasattr(errors, word), word

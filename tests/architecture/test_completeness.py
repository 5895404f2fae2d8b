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
from sqlalchemy import LargeBinary, String, Table
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

ONE_FILE = {"custody/proof/verifier.py": 700}
"""Handed to an auditor as one file, to be read in one sitting; so it is not split, and has a limit of its own."""

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


PLAIN = re.compile(
    r"(.+_)?(id|utc|by|sha256)|state|kind|class|legal_basis|jurisdiction|purpose|ground|day|digest|customers|holder|"
    r"what|artefacts|reference_ids|image_ids|key_ids|commitment|log_before|log_steps|roles?|verbs|actor|mark|code"
)
"""Columns of text that hold numbers, times, hashes and words out of lists that the code or the operator keeps."""

WORDS = {
    "api_keys.collection": "what a program calls its set of subjects",
    "authority_keys.authority": "an authority",
    "facts.name": "a setting",
    "facts.value": "its value",
    "granted_pages.etag": "a site's word for a version",
    "granted_pages.last_modified": "a date",
    "grants.origin": "a site, by scheme and host",
    "issuers.url": "an organisation's address",
    "issuers.audience": "what an issuer calls this service",
    "issuers.keys_host": "an organisation's host",
    "ledger_delays.authority": "an authority",
    "notices.recipient": "an organisation that was told of an erasure",
    "notices.answer": "what it answered; whoever enters it is told to name nobody",
    "people.password": "a slow hash",
    "erasures.request": "an order's and an obligation's id: an authority's file number",
    "searches.model": "a model's name",
}
"""Other text in tables that outlive a subject, each with what it is."""


@pytest.mark.parametrize("table", sorted(schema.HARMLESS, key=lambda t: t.name), ids=lambda table: table.name)
def test_what_outlives_a_subject_is_sealed_or_a_keyed_fingerprint_or_no_word_about_her(table: Table) -> None:
    for column in table.c:
        if isinstance(column.type, LargeBinary):
            assert re.fullmatch(r"(sealed|wrapped)_\w+|(\w+_)?tags?|public_key", column.name), column
        elif isinstance(column.type, String):
            assert PLAIN.fullmatch(column.name) or str(column) in WORDS, f"{column}: sealed, or what is it?"


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
    r"gallery/certificates/[0-9a-f]{32}\.(json|statement)": "proof of an erasure: commitments and counts only",
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


WRITERS = {
    "cli/cases.py": "the operator: pictures of a case, where she says",
    "cli/collecting.py": "the operator: pictures to ask a subject about, a report, where she says",
    "cli/demo/report.py": "the demo's own page about a portrait in the public domain",
    "cli/demo/story.py": "the demo's own gallery, gone at its end",
    "custody/proof/logbook.py": "names of logs",
    "custody/proof/witness.py": "certificates: commitments and counts",
    "engine/backup.py": "a backup: sealed data and wrapped keys, which destroyed keys close",
    "engine/collecting.py": "the operator: a contact sheet, where she says",
    "engine/evaluating.py": "beside figures, in which of the operator's folders what was measured lies",
    "engine/founding.py": "an empty database",
    "engine/orders.py": "certificates and their pages, where the operator says",
    "index/capacity.py": "random bytes, to measure a disk",
    "index/moving.py": "the number of the last reference that a move has copied",
    "index/refinement.py": "nameless and encrypted under a key that memory alone holds",
    "index/snapshot.py": "Holder index",
    "log/durable.py": "the tamper-evident log: commitments only",
    "recognition/candidates/evaluation/report.py": "measured figures",
    "recognition/candidates/kept.py": "statistics of scores",
    "recognition/gallery/access.py": "a subject's own archive, where the operator says; whole or not at all",
    "recognition/models/cache.py": "models",
    "recognition/templates/package.py": "models",
    "store/description.py": "names the gallery",
    "store/owners.py": "an empty lock",
    "vault/blobs.py": "Holder blobs",
    "vault/files.py": "what others ask it to write",
    "vault/keys.py": "Holder keyring",
    "vault/s3_blobs.py": "an empty note that an image is being sent",
    "vault/staged.py": "Holder staged",
    "vault/staging.py": "an empty lock",
}
"""Every module that can make a file, and what is in it or who is the Holder of it."""

CACHES = {
    "collection/exports/account.py": "names of countries",
    "custody/orders/periods.py": "time zones",
    "custody/residency/geography.py": "the map",
    "index/coarse.py": "a rotation",
    "index/onebit.py": "a rotation",
    "oversight/passwords.py": "the parameters of a hash",
    "recognition/candidates/kept.py": "the calibrations that are shipped",
    "recognition/models/network.py": "the library that runs models",
}
"""Every module that remembers the answers of a function for the life of the process, and what they are."""


def calls_of(path: Path) -> Iterator[str]:
    """The last name of every call, with the mode of an ``open`` and the flags of an ``os.open``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        words += [k.value.value for k in node.keywords if k.arg == "mode" and isinstance(k.value, ast.Constant)]
        if name in {"open", "fdopen", "ZipFile", "memmap"}:
            modes = [w for w in words if re.fullmatch(r"[rwax]b?\+?t?", str(w)) and set(str(w)) & set("wax+")]
            flags = [ast.unparse(a) for a in node.args if "O_CREAT" in ast.unparse(a)]
            if modes or flags:
                yield "writes"
        elif re.fullmatch(
            r"write_(bytes|text|whole)|written_whole|mkstemp|mkdtemp|\w*Temporary(File|Directory)|imwrite|touch|"
            r"savez\w*|tofile|hardlink_to|symlink_to|copyfile|VideoWriter|write_index",
            name,
        ):
            yield "writes"
        elif name in {"cache", "lru_cache"}:
            yield "caches"


def decorated(path: Path) -> bool:
    """Whether a function of the module has its answers remembered."""
    return bool(re.search(r"^\s*@(functools\.)?(lru_)?cache\b", path.read_text(), re.MULTILINE))


def test_every_module_that_can_make_a_file_has_a_holder_or_a_reason(galleries: Galleries) -> None:
    makers = {name_of(path) for path in MODULES if "writes" in calls_of(path)}
    assert makers == set(WRITERS)
    gallery = galleries.new()
    permit(gallery, "anna")
    asked = {one.holder for one in gallery.withdraw("anna").erased.confirmations}
    assert {what.split()[1] for what in WRITERS.values() if what.startswith("Holder")} <= asked


def test_every_cache_of_the_process_says_what_it_remembers() -> None:
    assert {name_of(path) for path in MODULES if decorated(path)} == set(CACHES)


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
    if name_of(path) not in CATALOGUES:
        assert lines <= ONE_FILE.get(name_of(path), LINES), f"{lines} lines"
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

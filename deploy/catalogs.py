"""Lint: every text of the pages is translated, and what is loaded is what is written."""

import sys
import tomllib
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "survey" / "translations"
MAPPINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["babel"]["mappings"]
METHODS = [(one.pop("pattern"), one.pop("method")) for one in MAPPINGS]
OPTIONS = {pattern: rest for (pattern, _), rest in zip(METHODS, MAPPINGS, strict=True)}


def texts_of_pages() -> set[str]:
    """Every text that the code and the templates mark for translation."""
    found = extract_from_dir(str(ROOT), METHODS, OPTIONS, directory_filter=_is_ours)
    return {_first(message) for _file, _line, message, _comments, _context in found}


def _is_ours(folder: str) -> bool:
    name = Path(folder).name
    return not name.startswith(".") and name not in {"tests", "instance", "node_modules"}


def _first(message: str | tuple[str, ...]) -> str:
    return message if isinstance(message, str) else message[0]


def finished(catalog: Catalog) -> dict[str, str | tuple[str, ...]]:
    """Translations that are complete and not marked as doubtful."""
    return {
        _first(message.id): message.string
        for message in catalog
        if message.id and not message.fuzzy and message.string and all(message.string)
    }


def faults_of(source: Path, wanted: set[str]) -> list[str]:
    """What is wrong with one catalog, a sentence each."""
    with source.open("rb") as file:
        written = finished(read_po(file))
    compiled = source.with_suffix(".mo")
    if not compiled.exists():
        return [f"{compiled.relative_to(ROOT)} is missing"]
    with compiled.open("rb") as file:
        loaded = finished(read_mo(file))
    name = source.relative_to(ROOT)
    faults = [f"{name}: not translated: {text!r}" for text in sorted(wanted - set(written))]
    faults += [f"{name}: no page says any more: {text!r}" for text in sorted(set(written) - wanted)]
    if loaded != written:
        faults.append(
            f"{name}: its .mo is older; run .venv/bin/pybabel compile -d survey/translations"
        )
    return faults


def main() -> int:
    """Print every fault; 1 when there is any."""
    wanted = texts_of_pages()
    catalogs = sorted(TRANSLATIONS.glob("*/LC_MESSAGES/*.po"))
    faults = [fault for source in catalogs for fault in faults_of(source, wanted)]
    if wanted and not catalogs:
        faults.append(f"{len(wanted)} texts, but no catalog in survey/translations")
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{len(wanted)} texts, {len(catalogs)} finished catalog(s)")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())

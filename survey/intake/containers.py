"""Recognition of file formats by content, and checks that a file is safe to open."""

import hashlib
import zipfile
import zlib
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from survey.intake.wording import refusal

MEGABYTE = 1024 * 1024
CSV_LIMIT = 200 * MEGABYTE
SHEET_LIMIT = 60 * MEGABYTE
UNPACKED_LIMIT = 400 * MEGABYTE
ENTRY_LIMIT = 1000
BLOCK = 256 * 1024
_LOCAL_HEADER = 30
_ENCRYPTED = 0x1


class Kind(StrEnum):
    """The formats we read."""

    CSV = "csv"
    XLSX = "xlsx"
    XLS = "xls"
    ODS = "ods"


def identify(path: Path, limit: int | None = None) -> Kind:
    """The kind of a file by content; Invalid if too big, a zip bomb, encrypted or damaged.

    `limit` (bytes) lowers the size limits of the kinds, as the upload page does.
    """
    try:
        if not path.is_file():
            raise refusal("file_not_plain" if path.exists() else "file_missing", path.name)
        size = path.stat().st_size
    except OSError:  # such as a name longer than a disk allows
        raise refusal("file_missing", path.name) from None
    _check_size(path, size, min(CSV_LIMIT, limit or CSV_LIMIT))
    with path.open("rb") as file:
        start = file.read(4096)
        kind = _by_content(path, start, file)
    if kind is not Kind.CSV:
        _check_size(path, size, min(SHEET_LIMIT, limit or SHEET_LIMIT))
    if kind in (Kind.XLSX, Kind.ODS):
        _check_unpacked(path)
    return kind


def digest_of(path: Path) -> str:
    """SHA-256 of the bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_size(path: Path, size: int, limit: int) -> None:
    if size == 0:
        raise refusal("file_empty", path.name)
    if size > limit:
        megabytes = -(-size // MEGABYTE)
        raise refusal("file_too_big", path.name, size=megabytes, limit=limit // MEGABYTE)


def _by_content(path: Path, start: bytes, file: BinaryIO) -> Kind:
    if start.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _kind_of_ole(path, file)
    if start.startswith(
        (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"{\\rtf")
    ):
        raise refusal("file_unknown_kind", path.name)
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if text.startswith((b"<html", b"<!doctype", b"<?xml", b"<table", b"<meta")):
        raise refusal("file_web_page", path.name)
    return Kind.CSV


def _kind_of_zip(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            locked = any(entry.flag_bits & _ENCRYPTED for entry in entries)
            if len(entries) > ENTRY_LIMIT:
                raise refusal("file_bomb", path.name)
            if "META-INF/manifest.xml" in names:
                manifest = archive.open("META-INF/manifest.xml").read(MEGABYTE)
                locked = locked or b"encryption-data" in manifest
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
        raise refusal("file_damaged", path.name) from None
    if locked:
        raise refusal("file_password", path.name)
    if "xl/workbook.xml" in names:
        return Kind.XLSX
    if "content.xml" in names:
        return Kind.ODS
    raise refusal("file_unknown_kind", path.name)


def _kind_of_ole(path: Path, file: BinaryIO) -> Kind:
    """The kind of an OLE file: XLS; refuses a workbook with a password, which is also OLE."""
    file.seek(0)
    overlap, found_book = b"", False
    while block := file.read(BLOCK):
        window = overlap + block
        if "EncryptedPackage".encode("utf-16-le") in window:
            raise refusal("file_password", path.name)
        found_book = found_book or any(
            name.encode("utf-16-le") in window for name in ("Workbook", "Book")
        )
        overlap = block[-64:]
    if not found_book:
        raise refusal("file_unknown_kind", path.name)
    return Kind.XLS


def _check_unpacked(path: Path) -> None:
    """Refuse zip bombs: decompress all entries and count bytes; declared sizes can be false."""
    left = UNPACKED_LIMIT
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for entry in archive.infolist():
            if entry.file_size > left:
                raise refusal("file_bomb", path.name)
            try:
                left -= _unpacked_size(file, entry, left)
            except (zlib.error, EOFError):
                raise refusal("file_damaged", path.name) from None
            if left < 0:
                raise refusal("file_bomb", path.name)


def _unpacked_size(file: BinaryIO, entry: zipfile.ZipInfo, most: int) -> int:
    """Decompressed size of an entry in bytes; stops soon after `most`."""
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER:
        raise EOFError
    skip = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    file.seek(skip, 1)
    if entry.compress_type == zipfile.ZIP_STORED:
        return entry.compress_size
    if entry.compress_type != zipfile.ZIP_DEFLATED:
        raise EOFError
    return _inflated_size(file, entry.compress_size, most)


def _inflated_size(file: BinaryIO, packed: int, most: int) -> int:
    inflater, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while packed > 0 and not inflater.eof:
        block = file.read(min(BLOCK, packed))
        if not block:
            raise EOFError
        packed -= len(block)
        while block and total <= most:
            total += len(inflater.decompress(block, BLOCK))
            block = inflater.unconsumed_tail
        if total > most:
            return total
    while total <= most and (more := inflater.decompress(b"", BLOCK)):
        total += len(more)
    return total

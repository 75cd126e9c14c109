"""`Sealed[T]`: an attribute of a model whose value is stored encrypted (AEAD) in a column.

Setting the attribute encrypts the value and computes its blind index, reading decrypts it. Table,
attribute and row are the associated data. Keyed hashes are declared with `KeyedHash`, all other
columns in `__clear__` with the reason; re-encryption, erasure and the tests that attack a stolen
database go through these declarations.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar, cast, overload

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute, Session, object_session

from survey.crypto.hashes import blind_index, blind_indexes, keyed_hash
from survey.crypto.values import decrypt, encrypt, pack, pad, unpack, unpad
from survey.db import Base
from survey.errors import Refused

T = TypeVar("T")


class Codec(Protocol[T]):
    """Converts values to bytes for encryption, and back."""

    def pack(self, value: T) -> bytes:
        """The bytes to encrypt; the ciphertext reveals their length."""

    def unpack(self, content: bytes) -> T:
        """The value that `pack` converted."""


class _Text:
    """Text as UTF-8 without padding, so its length is visible."""

    def pack(self, value: str) -> bytes:
        return value.encode()

    def unpack(self, content: bytes) -> str:
        return content.decode()


class _Bytes:
    """Bytes without padding, so their length is visible."""

    def pack(self, value: bytes) -> bytes:
        return value

    def unpack(self, content: bytes) -> bytes:
        return content


TEXT = _Text()
BYTES = _Bytes()


class Json(Generic[T]):
    """Values as JSON, padded to the first of the given sizes (in bytes) in which they fit."""

    def __init__(self, type_of: Any, *sizes: int) -> None:  # noqa: ANN401 - as TypeAdapter takes it
        self.adapter: TypeAdapter[T] = TypeAdapter(type_of)
        self.sizes = sizes

    def pack(self, value: T) -> bytes:
        """Padded JSON; ValueError if it fits into none of the sizes."""
        return pad(self.adapter.dump_json(value), self.sizes)

    def unpack(self, content: bytes) -> T:
        """The value; ValueError (pydantic) if it is not of the type."""
        return self.adapter.validate_json(unpad(content))


class Packed(Generic[T]):
    """Long values as JSON, compressed (zlib) and padded to a multiple of `multiple` bytes."""

    def __init__(self, type_of: Any, multiple: int) -> None:  # noqa: ANN401 - as TypeAdapter takes it
        self.adapter: TypeAdapter[T] = TypeAdapter(type_of)
        self.multiple = multiple

    def pack(self, value: T) -> bytes:
        """Compressed and padded JSON."""
        return pack(self.adapter.dump_json(value), self.multiple)

    def unpack(self, content: bytes) -> T:
        """The value; ValueError (pydantic) if it is not of the type."""
        return self.adapter.validate_json(unpack(content))


class PackedText:
    """Long texts, compressed (zlib) and padded to a multiple of `multiple` bytes."""

    def __init__(self, multiple: int) -> None:
        self.multiple = multiple

    def pack(self, value: str) -> bytes:
        """Compressed and padded text."""
        return pack(value.encode(), self.multiple)

    def unpack(self, content: bytes) -> str:
        """The text."""
        return unpack(content).decode()


@dataclass(frozen=True, slots=True)
class BlindIndex:
    """The blind index of a `Sealed` attribute: its column, and which text is hashed for a value.

    `text` takes an instance or a row of a query, and the value; it returns the text to hash.
    `reads`: columns that `text` uses in addition to those that identify the row.
    """

    column: str
    text: Callable[[Any, Any], str] = lambda _row, value: str(value)
    reads: tuple[str, ...] = ()


class Sealed(Generic[T]):
    """An encrypted attribute (descriptor): attribute `name` is stored in column `name_sealed`.

    `row`: columns that identify the row in the associated data; they never change. An instance must
    belong to a session before the attribute is set or read (else TypeError). `quoted`: people may
    see the row's name, so the error about a damaged value contains it.
    """

    def __init__(
        self,
        codec: Codec[Any],
        *,
        row: Sequence[str],
        index: BlindIndex | None = None,
        quoted: bool = False,
    ) -> None:
        self.codec, self.row, self.index, self.quoted = codec, row, index, quoted

    def __set_name__(self, owner: type[Any], name: str) -> None:
        """Store the model, and the names of attribute and column."""
        self.owner, self.name, self.column = owner, name, f"{name}_sealed"

    @cached_property
    def place(self) -> str:
        """Table and attribute ("table.attribute"), a part of the associated data (AAD)."""
        return f"{self.owner.__tablename__}.{self.name}"

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> "Sealed[T]": ...
    @overload
    def __get__(self, instance: object, owner: type[Any]) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any]) -> "Sealed[T] | T":
        """The decrypted value of an instance; the descriptor itself if accessed on the class."""
        return self if instance is None else self.read(instance)

    def read(self, instance: object) -> T:
        """The decrypted value; Refused `encrypted_value_broken` if it was moved or changed."""
        sealed = getattr(instance, self.column)
        return self.decrypt(_session_of(instance), self.name_of(instance), sealed)

    def __set__(self, instance: object, value: T) -> None:
        """Encrypt a value and compute its blind index; None sets both columns to NULL."""
        session = _session_of(instance)
        setattr(instance, self.column, self.encrypt(session, self.name_of(instance), value))
        if self.index is not None:
            found_by = None
            if value is not None:
                found_by = self.hash_of(session, self.index.text(instance, value))
            setattr(instance, self.index.column, found_by)

    def name_of(self, row: object) -> str:
        """The row's name in the associated data, from an instance or a row of a query."""
        return row_name(*(getattr(row, column) for column in self.row))

    def encrypt(self, session: Session, row: str, value: T) -> bytes | None:
        """The encrypted value for the row of this name, for bulk writes; None for None."""
        if value is None:
            return None
        return encrypt(session, self.place, row, self.codec.pack(value))

    def decrypt(self, session: Session, row: str, sealed: bytes | None) -> T:
        """Decrypt the column's value for the row of this name; raises as `read`, None for None."""
        if sealed is None:
            return cast("T", None)
        try:
            content = decrypt(session, self.place, row, sealed)
        except Refused as refused:
            raise Refused(refused.code, row if self.quoted else refused.detail) from refused
        return cast("T", self.codec.unpack(content))

    def columns(self, session: Session, row: str, value: T) -> dict[str, bytes | None]:
        """Encrypted value and blind index by column name, for bulk inserts.

        Only for attributes whose blind index hashes the value itself.
        """
        values = {self.column: self.encrypt(session, row, value)}
        if self.index is not None:
            found_by = None if value is None else self.hash_of(session, str(value))
            values[self.index.column] = found_by
        return values

    @cached_property
    def use(self) -> str:
        """Use ("table.column") for which the index key is derived; TypeError without an index."""
        if self.index is None:
            message = f"{self.place} has no blind index"
            raise TypeError(message)
        return f"{self.owner.__tablename__}.{self.index.column}"

    def hash_of(self, session: Session, text: str) -> bytes:
        """The blind index of a text for new rows."""
        return blind_index(session, self.use, text)

    def hashes_of(self, session: Session, text: str) -> list[bytes]:
        """All blind indexes that rows with this text may have (several while keys change)."""
        return blind_indexes(session, self.use, text)

    def holds(self, session: Session, text: str) -> ColumnElement[bool]:
        """SQL condition for the rows whose blind index is that of a text."""
        hashes = self.hashes_of(session, text)
        column: InstrumentedAttribute[Any] = getattr(self.owner, self.use.partition(".")[2])
        return column.in_(hashes)


class KeyedHash:
    """Declares a column with the keyed hash of a value that is not stored, such as a link token."""

    def __init__(self, column: str) -> None:
        self.column = column

    def __set_name__(self, owner: type[Any], name: str) -> None:
        """Store the model."""
        self.owner = owner

    @cached_property
    def use(self) -> str:
        """Use ("table.column") for which the key of this hash is derived."""
        return f"{self.owner.__tablename__}.{self.column}"

    def of(self, session: Session, text: str) -> bytes:
        """The keyed hash of a text; it differs from the hash of the text in any other column."""
        return keyed_hash(session, self.use, text)


def row_name(*values: object) -> str:
    """The name of a row: some of its columns joined by "/", None as "", bytes in hexadecimal."""
    texts = (one.hex() if isinstance(one, bytes) else one for one in values)
    return "/".join("" if one is None else str(one) for one in texts)


def _session_of(instance: object) -> Session:
    session = object_session(instance)
    if session is None:
        message = f"{type(instance).__name__} belongs to no session yet"
        raise TypeError(message)
    return session


@dataclass(frozen=True, slots=True)
class Declared:
    """The declared columns of one table; `clear` maps each unencrypted column to its reasons."""

    clear: Mapping[str, Sequence[str]]
    sealed: Sequence[Sealed[Any]]
    hashed: Sequence[KeyedHash]


def declarations() -> dict[str, Declared]:
    """The declarations of all tables by table name, with or without a model."""
    found = {}
    for mapper in Base.registry.mappers:
        model = mapper.class_
        attributes = [one for base in model.__mro__ for one in vars(base).values()]
        found[model.__tablename__] = Declared(
            _clear(vars(model).get("__clear__", {})),
            [one for one in attributes if isinstance(one, Sealed)],
            [one for one in attributes if isinstance(one, KeyedHash)],
        )
    for table in Base.metadata.tables.values():
        if table.name not in found:  # tables without a model
            found[table.name] = Declared(_clear(table.info.get("clear", {})), (), ())
    return found


def _clear(declared: Mapping[str, str]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for reason, names in declared.items():
        for name in names.split():
            reasons.setdefault(name, []).append(reason)
    return reasons


def all_sealed() -> Iterator[Sealed[Any]]:
    """All encrypted attributes of all models, in the order of table names."""
    for _, declared in sorted(declarations().items()):
        yield from declared.sealed


def emptied(model: type[Base]) -> dict[str, None]:
    """Values for an UPDATE that erases personal data: NULL for each nullable encrypted column.

    Their blind indexes are set to NULL as well.
    """
    columns = model.__table__.columns
    declared = declarations()[model.__tablename__]
    sealed = [one for one in declared.sealed if columns[one.column].nullable]
    names = [one.column for one in sealed]
    return dict.fromkeys([*names, *(one.index.column for one in sealed if one.index)])

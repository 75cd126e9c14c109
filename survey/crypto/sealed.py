"""`Sealed[T]`: an attribute of a model whose value lies encrypted in a column of its row.

Setting it encrypts, reading it decrypts, both bound to table, attribute and row. Its blind index
is kept with it. Every other column of a model is declared in `__clear__`, so that whatever goes
through all of them (re-encryption, erasure, the attacks on a stolen database) reads the models.
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
    """How a value becomes bytes, and back."""

    def pack(self, value: T) -> bytes:
        """Bytes to be encrypted; their length is seen."""

    def unpack(self, content: bytes) -> T:
        """What `pack` was given."""


class _Text:
    """A text at its own length."""

    def pack(self, value: str) -> bytes:
        return value.encode()

    def unpack(self, content: bytes) -> str:
        return content.decode()


class _Bytes:
    """Bytes as they are."""

    def pack(self, value: bytes) -> bytes:
        return value

    def unpack(self, content: bytes) -> bytes:
        return content


TEXT = _Text()
BYTES = _Bytes()


class Json(Generic[T]):
    """A value of a type as JSON, padded to the first of some sizes that holds it."""

    def __init__(self, type_of: Any, *sizes: int) -> None:  # noqa: ANN401 - as TypeAdapter takes it
        self.adapter: TypeAdapter[T] = TypeAdapter(type_of)
        self.sizes = sizes

    def pack(self, value: T) -> bytes:
        """JSON, an end mark and zeros; ValueError when it fits into no size."""
        return pad(self.adapter.dump_json(value), self.sizes)

    def unpack(self, content: bytes) -> T:
        """The value, its type checked."""
        return self.adapter.validate_json(unpad(content))


class Packed(Generic[T]):
    """A long value of a type as JSON, compressed, padded to a multiple of so many bytes."""

    def __init__(self, type_of: Any, multiple: int) -> None:  # noqa: ANN401 - as TypeAdapter takes it
        self.adapter: TypeAdapter[T] = TypeAdapter(type_of)
        self.multiple = multiple

    def pack(self, value: T) -> bytes:
        """Compressed JSON and zeros."""
        return pack(self.adapter.dump_json(value), self.multiple)

    def unpack(self, content: bytes) -> T:
        """The value, its type checked."""
        return self.adapter.validate_json(unpack(content))


class PackedText:
    """A long text, compressed, padded to a multiple of so many bytes."""

    def __init__(self, multiple: int) -> None:
        self.multiple = multiple

    def pack(self, value: str) -> bytes:
        """Compressed text and zeros."""
        return pack(value.encode(), self.multiple)

    def unpack(self, content: bytes) -> str:
        """The text."""
        return unpack(content).decode()


@dataclass(frozen=True, slots=True)
class BlindIndex:
    """The blind index of a sealed attribute: its column, and the text that is hashed for a value.

    `text` takes what bears the row's columns (an instance or a row of a query) and the value; it
    looks at `reads` beside the columns that make the row's name.
    """

    column: str
    text: Callable[[Any, Any], str] = lambda _row, value: str(value)
    reads: tuple[str, ...] = ()


class Sealed(Generic[T]):
    """An encrypted attribute `name` in the column `name_sealed`.

    `row` names the columns that make the row's name, which never change. An instance belongs to a
    session before the attribute is set or read. `quoted`: people may read the row's name, so a
    refusal says which row is damaged.
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
        """Learn where it stands."""
        self.owner, self.name, self.column = owner, name, f"{name}_sealed"

    @cached_property
    def place(self) -> str:
        """Its associated data, together with the row's name."""
        return f"{self.owner.__tablename__}.{self.name}"

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> "Sealed[T]": ...
    @overload
    def __get__(self, instance: object, owner: type[Any]) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any]) -> "Sealed[T] | T":
        """The value; of the class, the attribute itself."""
        return self if instance is None else self.read(instance)

    def read(self, instance: object) -> T:
        """The value; Refused `encrypted_value_broken` when it was moved or changed."""
        sealed = getattr(instance, self.column)
        return self.decrypt(_session_of(instance), self.name_of(instance), sealed)

    def __set__(self, instance: object, value: T) -> None:
        """Encrypt, and compute the blind index again; None empties both."""
        session = _session_of(instance)
        setattr(instance, self.column, self.encrypt(session, self.name_of(instance), value))
        if self.index is not None:
            found_by = None
            if value is not None:
                found_by = self.hash_of(session, self.index.text(instance, value))
            setattr(instance, self.index.column, found_by)

    def name_of(self, row: object) -> str:
        """The name of the row of an instance, or of a row of a query that has these columns."""
        return row_name(*(getattr(row, column) for column in self.row))

    def encrypt(self, session: Session, row: str, value: T) -> bytes | None:
        """A value for the row of this name, for many rows at once; None stays None."""
        if value is None:
            return None
        return encrypt(session, self.place, row, self.codec.pack(value))

    def decrypt(self, session: Session, row: str, sealed: bytes | None) -> T:
        """What the column of the row of this name holds."""
        if sealed is None:
            return cast("T", None)
        try:
            content = decrypt(session, self.place, row, sealed)
        except Refused as refused:
            raise Refused(refused.code, row if self.quoted else refused.detail) from refused
        return cast("T", self.codec.unpack(content))

    def columns(self, session: Session, row: str, value: T) -> dict[str, bytes | None]:
        """The column and that of its index for a new row, where the value itself is hashed."""
        values = {self.column: self.encrypt(session, row, value)}
        if self.index is not None:
            found_by = None if value is None else self.hash_of(session, str(value))
            values[self.index.column] = found_by
        return values

    @cached_property
    def use(self) -> str:
        """What its index is called: a key of its own belongs to it."""
        if self.index is None:
            message = f"{self.place} has no blind index"
            raise TypeError(message)
        return f"{self.owner.__tablename__}.{self.index.column}"

    def hash_of(self, session: Session, text: str) -> bytes:
        """The blind index of a text, as a new row bears it."""
        return blind_index(session, self.use, text)

    def hashes_of(self, session: Session, text: str) -> list[bytes]:
        """The blind indexes under which rows of a text may be found."""
        return blind_indexes(session, self.use, text)

    def holds(self, session: Session, text: str) -> ColumnElement[bool]:
        """The condition that a row is found by a text."""
        hashes = self.hashes_of(session, text)
        column: InstrumentedAttribute[Any] = getattr(self.owner, self.use.partition(".")[2])
        return column.in_(hashes)


class KeyedHash:
    """A column that holds the keyed hash of what stands nowhere, such as a token."""

    def __init__(self, column: str) -> None:
        self.column = column

    def __set_name__(self, owner: type[Any], name: str) -> None:
        """Learn where it stands."""
        self.owner = owner

    @cached_property
    def use(self) -> str:
        """What it is called: a key of its own belongs to it."""
        return f"{self.owner.__tablename__}.{self.column}"

    def of(self, session: Session, text: str) -> bytes:
        """The hash of a text; no other column holds the same."""
        return keyed_hash(session, self.use, text)


def row_name(*values: object) -> str:
    """The name of a row made of some of its columns: None is empty, bytes are hexadecimal."""
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
    """What the columns of one table hold: name → why it stands in clear; and what does not."""

    clear: Mapping[str, Sequence[str]]
    sealed: Sequence[Sealed[Any]]
    hashed: Sequence[KeyedHash]


def declarations() -> dict[str, Declared]:
    """What each table's model says of its columns, by the table's name."""
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
    """Every encrypted column there is, in the order of the tables' names."""
    for _, declared in sorted(declarations().items()):
        yield from declared.sealed


def emptied(model: type[Base]) -> dict[str, None]:
    """What an UPDATE sets to erase all personal data a row may go without."""
    columns = model.__table__.columns
    declared = declarations()[model.__tablename__]
    sealed = [one for one in declared.sealed if columns[one.column].nullable]
    names = [one.column for one in sealed]
    return dict.fromkeys([*names, *(one.index.column for one in sealed if one.index)])

"""Encryption: a value decrypts with this database's key at its own table, column and row only."""

import base64

import pytest

from survey import crypto
from survey.crypto import keys
from survey.crypto.values import pack, pad, unpack, unpad
from survey.errors import Refused
from tests.conftest import FIXED, unit_of_work

NEW = base64.urlsafe_b64encode(bytes(range(100, 132))).decode()
PLACE = "dossier.phone"


def test_a_value_opens_at_its_own_place_only(transact):
    """A ciphertext that was moved to another column or row, changed or cut does not decrypt."""
    with transact() as session:
        value = crypto.encrypt(session, PLACE, "A", b"+84905123456")
        assert crypto.decrypt(session, PLACE, "A", value) == b"+84905123456"
        assert crypto.encrypt(session, PLACE, "A", b"+84905123456") != value
        wrong = [("dossier.name", "A", value), (PLACE, "B", value), (PLACE, "A", value[:-1])]
        for place, row, moved in [*wrong, (PLACE, "A", b""), (PLACE, "A", b"x" + value)]:
            with pytest.raises(Refused, match="encrypted_value_broken"):
                crypto.decrypt(session, place, row, moved)


@pytest.mark.parametrize("content", [b"", b"\x80", b"\0\0", b"a" * 31, b"a" * 32, b"b\x80\0" * 20])
def test_padding_hides_the_length_and_gives_all_back(content):
    """A padded value has one of the given sizes and decrypts unchanged; a longer one is refused."""
    padded = pad(content, (32, 64))
    assert len(padded) == (32 if len(content) < 32 else 64)
    assert unpad(padded) == content
    with pytest.raises(ValueError, match="do not fit"):
        pad(b"a" * 64, (32, 64))
    packed = pack(content, 128)
    assert len(packed) == 128
    assert unpack(packed) == content


def test_uses_of_a_hash_share_no_key(transact):
    """A text has different hashes under two uses, and the same hash every time under one."""
    with transact() as session:
        uses = ("dossier.phone", "message.phone")
        made = [make(session, use, "x") for make in (crypto.blind_index, crypto.keyed_hash)
                for use in uses]  # fmt: skip
        assert len(set(made)) == 4
        assert crypto.blind_indexes(session, "dossier.phone", "x") == [made[0]]
        assert crypto.blind_index(session, "dossier.phone", "x") == made[0]


def test_a_change_of_key_changes_no_value(app, make_app):
    """After re-wrapping the keys, the new DATA_KEY alone decrypts and finds everything, and the old
    one nothing.
    """
    with unit_of_work(app) as session:
        before = crypto.encrypt(session, PLACE, "A", b"phone")
        found_by = crypto.blind_index(session, PLACE, "phone")
        token = crypto.keyed_hash(session, PLACE, "token")
    with unit_of_work(make_app(DATA_KEY=NEW, DATA_KEYS_OLD=FIXED["DATA_KEY"])) as session:
        assert crypto.decrypt(session, PLACE, "A", before) == b"phone"
        assert keys.rewrap(session) == len(keys.Purpose)
        assert keys.rewrap(session) == 0
    with unit_of_work(make_app(DATA_KEY=NEW)) as session:
        assert crypto.decrypt(session, PLACE, "A", before) == b"phone"
        assert crypto.blind_index(session, PLACE, "phone") == found_by
        assert crypto.keyed_hash(session, PLACE, "token") == token
    with unit_of_work(make_app()) as session, pytest.raises(Refused, match="wrong_key"):
        keys.check(session)


def test_a_wrong_key_opens_nothing(make_app):
    """A DATA_KEY of another database is detected before anything is encrypted with it."""
    with unit_of_work(make_app(DATA_KEY=NEW)) as session:
        for step in (keys.check, keys.rewrap):
            with pytest.raises(Refused, match="wrong_key"):
                step(session)
        with pytest.raises(Refused, match="wrong_key"):
            crypto.encrypt(session, PLACE, "A", b"phone")

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.messages.dialogue import Reply, as_code, parse

HERE = Path(__file__).parent


def _labelled(name):
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines))


def _meaning(row):
    return row["kind"], row["rating"], row["code"]


@pytest.mark.parametrize(
    ("name", "accuracy"), [("replies_tune.csv", 1.0), ("replies_heldout.csv", 0.98)]
)
def test_labelled_replies(name, accuracy, report):
    """No labelled reply is taken for a rating it does not give, and nearly all are understood."""
    rows = _labelled(name)
    read = [(row, parse(row["text"])) for row in rows]
    wrong = [
        row["text"] for row, reply in read if reply.rating and str(reply.rating) != row["rating"]
    ]
    assert wrong == []
    right = [
        (reply.kind, str(reply.rating or ""), reply.code or "") == _meaning(row)
        for row, reply in read
    ]
    report(f"{len(rows)} replies, {sum(right)} understood as labelled, {len(wrong)} wrong ratings")
    assert len(rows) > 200
    assert sum(right) / len(right) >= accuracy


@pytest.mark.parametrize(
    ("text", "kind", "rating", "code"),
    [
        ("HL 5 7Q2M 8T3N", "ask", None, None),
        ("5 kèm ABCD", "rating", 5, "ABCD"),
        ("5 thay", "comment", None, None),
        ("5 XTRW", "rating", 5, "XTRW"),
        ("5 4sao", "ask", None, None),
        ("HL 5 UUUU", "ask", None, None),
        ("2024", "ask", None, "2024"),
        ("2024 2025", "ask", None, None),
        ("12/10/2022", "ask", None, None),
        ("", "ask", None, None),
        ("5 " * 20_000, "comment", None, None),
        ("da toi em minh " * 3000, "comment", None, None),
        ("làm ơn gọi lại", "call_me", None, None),
        ("lam on goi lai", "call_me", None, None),
    ],
)
def test_doubtful_replies(text, kind, rating, code):
    """Where two readings are possible, the reply is a question or a comment."""
    assert parse(text) == Reply(kind, rating, code, text)


def test_code_shapes():
    """A reply code is four characters of the alphabet without I, L, O and U."""
    assert as_code("7q2m") == "7Q2M"
    assert as_code("7Q2") is None
    assert as_code("7Q2O") is None


@given(st.text(max_size=80))
def test_never_raises(text):
    """Whatever arrives is read, and only a rating carries a rating."""
    reply = parse(text)
    assert (reply.kind == "rating") == (reply.rating is not None)
    assert reply.rating is None or 1 <= reply.rating <= 5


@given(
    st.from_regex(r"[a-zàảãáạ]{6,12}", fullmatch=True),
    st.integers(1, 5),
    st.from_regex(r"[bcdghkmnpqrstvx]{5,9}", fullmatch=True),
)
def test_digit_inside_a_sentence_is_no_rating(before, digit, after):
    """A digit between words that are none of ours is never a rating."""
    assert parse(f"{before}qq {digit} {after}qq").rating is None

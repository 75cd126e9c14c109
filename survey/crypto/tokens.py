"""Random codes and tokens that people type; link tokens are stored as keyed hashes only."""

import re
import secrets

# Crockford's base 32: letters and digits without I, L and O, which are misread, and U.
TOKEN_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # noqa: S105 - an alphabet, not a secret
LETTER_OF_BYTE = TOKEN_ALPHABET.encode() * 8
TOKEN_LENGTH = 12
TOKEN_SHAPE = re.compile(rf"[{TOKEN_ALPHABET}]{{{TOKEN_LENGTH}}}")
REPLY_CODE_LENGTH = 4
CASE_CODE_LENGTH = 8
CASE_CODE = re.compile(rf"PA[{TOKEN_ALPHABET}]{{{CASE_CODE_LENGTH - 2}}}")


def reply_secret(invitation_id: int, reply_code: str) -> str:
    """The secret of an invitation that is answered by SMS; it takes the place of a link token.

    The phone number is not part of it, because the number may be corrected later.
    """
    return f"{invitation_id}|{reply_code}"


def new_token() -> str:
    """A new random link token of 12 characters (60 bits)."""
    return _random_code(TOKEN_LENGTH)


def new_reply_code() -> str:
    """A new random code for answering by SMS: 4 characters with at least one digit and one letter.

    So neither a number nor a word that a citizen writes is taken for a code.
    """
    while (code := _random_code(REPLY_CODE_LENGTH)).isdigit() or code.isalpha():
        pass
    return code


def new_case_code() -> str:
    """A new random case code: PA and 6 characters (30 bits)."""
    return "PA" + _random_code(CASE_CODE_LENGTH - 2)


def read_token(text: str) -> str | None:
    """Normalise a typed token (any case, O for 0, I and L for 1); None if it is malformed."""
    token = text.strip().upper().translate(str.maketrans("OIL", "011"))
    if len(token) == TOKEN_LENGTH and all(letter in TOKEN_ALPHABET for letter in token):
        return token
    return None


def _random_code(length: int) -> str:
    # 256 is a multiple of 32, so every letter is as likely as any other.
    return secrets.token_bytes(length).translate(LETTER_OF_BYTE).decode()

"""Channels of messages. A new one is added here and declared by its providers
(`survey.messages.providers.abilities`).
"""

from enum import StrEnum


class MessageChannel(StrEnum):
    """What carries a message (not how a dossier was handed in)."""

    SMS = "sms"

"""Channels of messages; providers name theirs in `survey.messages.providers.abilities`."""

from enum import StrEnum


class MessageChannel(StrEnum):
    """What carries a message; `survey.models.dossier.Channel` is how a dossier was handed in."""

    SMS = "sms"

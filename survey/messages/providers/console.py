"""A provider that sends nothing: it appends JSON lines to a file, which the demo phone reads."""

import json
import os
from pathlib import Path

from survey.messages.providers import Accepted, ListedSms, OutgoingSms, SmsNotSent
from survey.messages.providers.abilities import CONSOLE
from survey.models.recipient import Recipient
from survey.settings import Settings


class ConsoleProvider:
    """Writes messages to a file."""

    name = "console"
    abilities = CONSOLE

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, sms: OutgoingSms) -> Accepted:
        """Append one line, whole or not at all, under the attempt's id."""
        line = {
            "id": sms.attempt_id,
            "to": sms.recipient.address,
            "text": sms.text,
            "segments": sms.segments,
            "encoding": sms.encoding,
            "at": sms.at.isoformat(),
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        except OSError as fault:
            raise SmsNotSent(str(fault)) from fault
        try:
            os.write(file, (json.dumps(line, ensure_ascii=False) + "\n").encode())
        finally:
            os.close(file)
        return Accepted(sms.attempt_id)

    def list_sent(self, recipient: Recipient) -> list[ListedSms]:
        """Lines of the file with this number, newest first; an incomplete line is skipped."""
        found = []
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        for line in lines:
            try:
                sms = json.loads(line)
            except ValueError:
                continue
            if sms["to"] == recipient.address:
                found.append(ListedSms(sms["id"], sms["text"], sms["id"]))
        return found[::-1]


def build(settings: Settings) -> ConsoleProvider:
    """The provider of `SMS_CONSOLE_FILE`."""
    return ConsoleProvider(settings.sms.console_file)

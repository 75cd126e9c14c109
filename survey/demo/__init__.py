"""Invented data and the demo phone: only with DEMO=1, only for looking around.

`scene` says what is planted, `loading` fills a database, `doors` and `walk` serve the demo pages.
"""

from survey.demo.doors import DOORS, Door, open_door, password_of
from survey.demo.loading import Loaded, check, has_dossiers, load
from survey.demo.scene import Scene, Truths, truths
from survey.demo.walk import PHONE, PHONES, Sms, finish_one, messages

__all__ = [
    "DOORS",
    "PHONE",
    "PHONES",
    "Door",
    "Loaded",
    "Scene",
    "Sms",
    "Truths",
    "check",
    "finish_one",
    "has_dossiers",
    "load",
    "messages",
    "open_door",
    "password_of",
    "truths",
]

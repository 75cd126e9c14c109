"""Invented data and the demo phones, only with DEMO=1, for trying the product out.

`scenario` describes the planted effects, `loading` fills a database, `role_logins` and `walk` serve
the demo pages.
"""

from survey.demo.loading import Loaded, check, has_dossiers, load
from survey.demo.role_logins import ROLE_LOGINS, RoleLogin, password_of, prepare_login
from survey.demo.scenario import PlantedEffects, Scenario, planted_effects
from survey.demo.walk import PHONE, PHONES, Sms, finish_one, messages

__all__ = [
    "PHONE",
    "PHONES",
    "ROLE_LOGINS",
    "Loaded",
    "PlantedEffects",
    "RoleLogin",
    "Scenario",
    "Sms",
    "check",
    "finish_one",
    "has_dossiers",
    "load",
    "messages",
    "password_of",
    "planted_effects",
    "prepare_login",
]

"""The watch: what is usual for each unit, and an alert when it no longer holds.

`freezing` fixes limits, `daily` reads what came since yesterday, `signals` raises and closes.
"""

from survey.monitoring.daily import update, watch
from survey.monitoring.freezing import FALSE_ALARMS_A_MONTH, begin, freeze, freeze_agency
from survey.monitoring.signals import Card, cards, close, reset
from survey.monitoring.standings import Spot, Standing, standings

__all__ = [
    "FALSE_ALARMS_A_MONTH",
    "Card",
    "Spot",
    "Standing",
    "begin",
    "cards",
    "close",
    "freeze",
    "freeze_agency",
    "reset",
    "standings",
    "update",
    "watch",
]

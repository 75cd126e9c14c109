"""The watch: what is usual for each unit, and an alert when it no longer holds.

`freezing` fixes limits, `daily` reads what came since yesterday, `signals` raises and closes.
"""

from survey.monitoring.daily import update, watch
from survey.monitoring.freezing import FALSE_ALARMS_A_MONTH, begin, freeze, freeze_agency
from survey.monitoring.quality import Stand, province_rates, stands
from survey.monitoring.signals import Card, cards, close, open_places
from survey.monitoring.standings import Spot, Standing, standings

__all__ = [
    "FALSE_ALARMS_A_MONTH",
    "Card",
    "Spot",
    "Stand",
    "Standing",
    "begin",
    "cards",
    "close",
    "freeze",
    "freeze_agency",
    "open_places",
    "province_rates",
    "standings",
    "stands",
    "update",
    "watch",
]

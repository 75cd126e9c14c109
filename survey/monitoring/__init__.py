"""The watch: what is usual for each unit, and an alert when it no longer holds.

`freezing` fixes limits, `daily` reads what came since yesterday, `signals` raises and closes.
"""

from survey.monitoring.daily import update, watch
from survey.monitoring.freezing import begin, freeze
from survey.monitoring.signals import Card, cards, close, reset
from survey.monitoring.standings import Spot, Standing, standings

__all__ = [
    "Card",
    "Spot",
    "Standing",
    "begin",
    "cards",
    "close",
    "freeze",
    "reset",
    "standings",
    "update",
    "watch",
]

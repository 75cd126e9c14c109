"""Comparisons of periods and units, drivers of satisfaction, funnel plot, and outlook.

Associations, not causes; each result marks where the data do not support a statement.
"""

from survey.insights.changes import FEW, Change
from survey.insights.drivers import MOST_FACTORS, Driver, Drivers
from survey.insights.funnel import Dot, Funnel
from survey.insights.outlook import Outlook
from survey.insights.overview import Overview, closed, live
from survey.insights.pairs import Pair, pair

__all__ = [
    "FEW",
    "MOST_FACTORS",
    "Change",
    "Dot",
    "Driver",
    "Drivers",
    "Funnel",
    "Outlook",
    "Overview",
    "Pair",
    "closed",
    "live",
    "pair",
]

"""Statistical process control: control charts of each unit against its phase I baseline.

`baselines` sets control limits (phase I), `daily` updates the charts every night (phase II),
`signals` raises and closes alerts.
"""

from survey.monitoring.baselines import (
    FALSE_ALARMS_A_MONTH,
    begin,
    set_agency_baseline,
    set_baseline,
)
from survey.monitoring.cumulative_counts import ChartKey, CumulativeCounts, cumulative_counts
from survey.monitoring.daily import update, update_charts
from survey.monitoring.quality import Stand, province_rates, stands
from survey.monitoring.signals import OpenAlert, close, open_alert_keys, open_alerts

__all__ = [
    "FALSE_ALARMS_A_MONTH",
    "ChartKey",
    "CumulativeCounts",
    "OpenAlert",
    "Stand",
    "begin",
    "close",
    "cumulative_counts",
    "open_alert_keys",
    "open_alerts",
    "province_rates",
    "set_agency_baseline",
    "set_baseline",
    "stands",
    "update",
    "update_charts",
]

"""What the province decides: rules, special days and targets. Settings change by `change` only."""

from survey.province.changing import SettingsRefused, change
from survey.province.reading import (
    agencies_on,
    all_sectors,
    calendar_of,
    codes_of,
    hotline_of,
    province_if_loaded,
    province_of,
    setting,
    settings_of_province,
    special_days,
)

__all__ = [
    "SettingsRefused",
    "agencies_on",
    "all_sectors",
    "calendar_of",
    "change",
    "codes_of",
    "hotline_of",
    "province_if_loaded",
    "province_of",
    "setting",
    "settings_of_province",
    "special_days",
]

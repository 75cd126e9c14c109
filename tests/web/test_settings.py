"""The province's settings: page and command check, store and record alike."""

import html

import pytest

from survey import audit
from survey.province import SettingsRefused, change
from tests.clocks import NOW
from tests.conftest import unit_of_work
from tests.features.inviting import at_once
from tests.web.staff_accounts import post, signed_in

PAGE = "/staff/settings"
RULES = (
    *("window_start", "window_end", "invite_delay_minutes", "link_days", "max_age_days"),
    *("phone_gap_days", "phone_week_cap", "reminder_days", "intermediary_over"),
    *("intermediary_days", "full_percent", "followup_percent", "confidence_percent"),
    *("verdict_from", "send_bias"),
)
DAY = "day_2026-12-24"
NUMBER = "Hãy nhập số nguyên trong khoảng {}."
CHOICE = "Hãy chọn một trong các giá trị: {}."
TIME = "Hãy viết giờ dạng 08:00."
WINDOW = "Giờ ngừng gửi tin phải sau giờ bắt đầu gửi tin."
# What neither takes: key, value, and the sentence both say.
REFUSED = [
    ("link_days", "0", NUMBER.format("1–90")),
    ("link_days", "91", NUMBER.format("1–90")),
    ("link_days", "", NUMBER.format("1–90")),
    ("full_percent", "١٠", NUMBER.format("0–100")),
    ("full_percent", "-1", NUMBER.format("0–100")),
    ("full_percent", "000000000101", NUMBER.format("0–100")),
    ("verdict_from", "4", NUMBER.format("5–1000")),
    ("window_start", "sáng", TIME),
    ("window_start", "24:00", TIME),
    ("window_start", "20:00", WINDOW),
    ("window_end", "08:00", WINDOW),
    ("send_bias", "maybe", CHOICE.format("prefer_miss, prefer_send")),
    ("sample_land", "101", NUMBER.format("0–100")),
    ("sample_land", "nửa", NUMBER.format("0–100")),
    (DAY, "holiday", CHOICE.format("extra_off, swap_work")),
    (DAY, "extra_off " + "x" * 201, "Căn cứ không quá 200 ký tự."),
    ("day_24/12", "extra_off", "Ngày chưa đúng. Hãy chọn ngày trong lịch."),
    ("day_", "extra_off", "Ngày chưa đúng. Hãy chọn ngày trong lịch."),
]


@pytest.fixture
def admin(app):
    return signed_in(app, "admin")


def _settings(runner):
    return runner("settings", "show", "--json").json


def _send(client, runner, key, value):
    """Change one setting on the page, all others of its form as they stand."""
    stored = _settings(runner)
    if key.startswith("day_"):
        kind, _, note = value.partition(" ")
        if kind == "none":
            return post(client, f"{PAGE}/days/{key[4:]}/remove", page=PAGE)
        return post(client, f"{PAGE}/days", page=PAGE, day=key[4:], kind=kind, note=note)
    if key.startswith("sample_"):
        shares = {name: text for name, text in stored.items() if name.startswith("sample_")}
        return post(client, f"{PAGE}/sampling", page=PAGE, **{**shares, key: value})
    return post(client, PAGE, **{**{name: stored[name] for name in RULES}, key: value})


def _acts(app):
    with unit_of_work(app) as session:
        return [one for one in audit.entries(session) if one.action.startswith("rules.")]


@pytest.mark.parametrize(
    ("key", "value", "action"),
    [
        ("link_days", "21", "rules.change"),
        ("window_end", "19:30", "rules.change"),
        ("send_bias", "prefer_send", "rules.change"),
        ("followup_percent", "20", "rules.change"),
        ("sample_land", "50", "rules.sampling"),
        (DAY, "extra_off Quyết định 12", "rules.day"),
    ],
)
def test_page_and_command_change_alike(app, runner, admin, key, value, action):
    """The same change is stored and recorded alike, but for the account of who sat at the page."""
    before = runner("settings", "show", key, "--json").json[key]
    assert _send(admin, runner, key, value).status_code == 303
    assert runner("settings", "show", key, "--json").json == {key: value}
    assert runner("settings", "set", key, before, "--json").json == {key: before}
    assert runner("settings", "set", key, value, "--json").json == {key: value}
    assert runner("settings", "set", key, value).code == 0
    on_page, back, by_command = _acts(app)
    change = [before, value.partition(" ")[0]]
    assert (on_page.action, on_page.subject, on_page.detail) == (action, "province", {key: change})
    assert on_page.staff_id is not None
    assert back.detail == {key: change[::-1]}
    assert (by_command.action, by_command.subject) == (on_page.action, on_page.subject)
    assert (by_command.detail, by_command.staff_id) == (on_page.detail, None)


def test_page_and_command_refuse_alike(app, runner, admin):
    """What may not be is refused with one sentence on both, and neither stored nor recorded."""
    stored = _settings(runner)
    for key, value, sentence in REFUSED:
        page = _send(admin, runner, key, value)
        assert page.status_code == 400, (key, value)
        assert sentence in html.unescape(page.text), (key, value)
        command = runner("settings", "set", key, value)
        assert (command.code, command.out) == (2, ""), (key, value)
        assert command.err.strip() == sentence, (key, value)
    assert _settings(runner) == stored
    assert _acts(app) == []


def test_every_setting_of_the_page_is_shown(runner, admin):
    """What the command lists is what the page's fields hold, and all of it."""
    assert runner("settings", "set", DAY, "swap_work Công văn 8").code == 0
    found = _settings(runner)
    assert set(RULES) < set(found)
    page = html.unescape(admin.get(PAGE).text)
    for key, value in found.items():
        if key == DAY:
            assert value == "swap_work Công văn 8"
            assert "24/12/2026" in page
        elif key == "send_bias":
            assert f'<option selected value="{value}">' in page
        else:
            (field,) = [part for part in page.split("<input") if f' name="{key}"' in part]
            assert f' value="{value}"' in field.partition(">")[0], key
    lines = runner("settings", "show").out.splitlines()
    assert lines == [f"{key} = {value}" for key, value in found.items()]


def test_an_unknown_setting_is_refused(runner):
    """No key but those that are listed can be read or set."""
    for words in (["show", "hotlines"], ["set", "code", "x"], ["set", "sample_", "5"]):
        ran = runner("settings", *words)
        assert (ran.code, ran.out) == (2, "")
        assert f"Không có thiết lập “{words[1]}”." in ran.err


def test_an_ordinary_day_is_not_taken_out(app, runner, admin):
    """A day that is not in the list is refused on the page and by the command."""
    sentence = "Ngày này không có trong danh sách."
    page = _send(admin, runner, DAY, "none")
    command = runner("settings", "set", DAY, "none")
    assert (page.status_code, command.code, command.err.strip()) == (404, 2, sentence)
    assert sentence in page.text
    assert _acts(app) == []


def test_both_ends_of_the_window_set_at_once_leave_a_window(app):
    """Of two ends that are right alone and wrong together, set at one moment, one is refused."""

    def set_end(key, value):
        try:
            with unit_of_work(app) as session:
                change(session, NOW, {key: value})
        except SettingsRefused as refusal:
            return refusal.code
        return "stored"

    said = at_once(lambda: set_end("window_start", "19:00"), lambda: set_end("window_end", "18:00"))
    assert sorted(said) == ["empty_window", "stored"]
    assert len(_acts(app)) == 1


def test_a_time_is_kept_as_people_mean_it(runner):
    """A leading zero may be left out, and seconds stay where somebody gave them."""
    assert runner("settings", "set", "window_start", "9:05", "--json").json == {
        "window_start": "09:05"
    }
    assert runner("settings", "set", "window_end", "19:00:30", "--json").json == {
        "window_end": "19:00:30"
    }

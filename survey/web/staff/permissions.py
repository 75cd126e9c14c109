"""Permissions: which role may open which staff page, and the navigation that follows from it.

A staff route that is missing here is refused for every role, and a test fails.
"""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _

from survey.models.staff import RoleName

HANDLER, AGENCY_HEAD, ANALYST, LEADER, ADMIN = RoleName
EVERYONE = frozenset(RoleName)
CASE_READERS = frozenset({HANDLER, AGENCY_HEAD})
HANDLERS = frozenset({HANDLER})
REPORT_READERS = frozenset({ANALYST, LEADER, ADMIN})
REPORT_MAKERS = frozenset({ANALYST})
LEADERS = frozenset({LEADER})
DOSSIER_CLERKS = frozenset({ANALYST, ADMIN})
MESSAGE_READERS = frozenset({HANDLER, ANALYST, ADMIN})
MESSAGE_VIEWERS = MESSAGE_READERS | {LEADER}
MESSAGE_CLERKS = frozenset({ANALYST, ADMIN})
ADMINS = frozenset({ADMIN})

# Endpoint → roles, grouped by blueprint.
PAGES: dict[str, frozenset[RoleName]] = {
    # Own account.
    "staff.home": EVERYONE,
    "staff.password": EVERYONE,
    "staff.second_factor": EVERYONE,
    # Figures.
    "dashboard.show": EVERYONE,
    "formula_reference.show_all": EVERYONE,
    "formula_reference.show": EVERYONE,
    # Cases.
    "cases.queue": CASE_READERS,
    "cases.archived": CASE_READERS,
    "cases.show": CASE_READERS,
    "cases.note": CASE_READERS,
    "cases.take": HANDLERS,
    "cases.postpone": HANDLERS,
    "cases.preview": HANDLERS,
    "cases.reply": HANDLERS,
    "cases.close": HANDLERS,
    "cases.reopen": HANDLERS,
    "cases.reveal": HANDLERS,
    "cases.release": HANDLERS,
    # Alerts, and the baselines of control charts.
    "alerts.show_all": EVERYONE,
    "alerts.close": REPORT_MAKERS,
    "alerts.control_charts": REPORT_READERS,
    "alerts.set_baseline": REPORT_MAKERS,
    # Texts from citizens that a person has to read.
    "inbox.show_all": HANDLERS,
    "inbox.show": HANDLERS,
    "inbox.preview": HANDLERS,
    "inbox.answer": HANDLERS,
    "inbox.done": HANDLERS,
    "inbox.reveal": HANDLERS,
    # Analysis behind the figures.
    "analysis.show": REPORT_READERS,
    "analysis.integrity": REPORT_READERS,
    # Monthly reports of the whole province.
    "reports.show_all": REPORT_READERS,
    "reports.build": REPORT_MAKERS,
    "reports.approve": LEADERS,
    "reports.download": REPORT_READERS,
    # Files of the one-stop software.
    "intake.show_all": DOSSIER_CLERKS,
    "intake.upload": DOSSIER_CLERKS,
    "intake.show": DOSSIER_CLERKS,
    "intake.confirm": DOSSIER_CLERKS,
    "intake.discard": DOSSIER_CLERKS,
    "intake.errors": DOSSIER_CLERKS,
    # Messages: queue, delivery, costs and unclear ones.
    "messages.show": MESSAGE_VIEWERS,
    "messages.delivery": MESSAGE_VIEWERS,
    "messages.costs": REPORT_READERS,
    "messages.look_up": MESSAGE_READERS,
    "messages.unclear": MESSAGE_CLERKS,
    "messages.decide": MESSAGE_CLERKS,
    # The province's own texts.
    "texts.show_all": MESSAGE_CLERKS,
    "texts.edit": MESSAGE_CLERKS,
    "texts.look": MESSAGE_CLERKS,
    "texts.save": MESSAGE_CLERKS,
    "texts.move": MESSAGE_CLERKS,
    "texts.try_out": MESSAGE_CLERKS,
    # Accounts and settings of the province.
    "accounts.show_all": ADMINS,
    "accounts.add": ADMINS,
    "accounts.show": ADMINS,
    "accounts.change": ADMINS,
    "accounts.reset": ADMINS,
    "settings.show": ADMINS,
    "settings.save": ADMINS,
    "settings.save_shares": ADMINS,
    "settings.add_day": ADMINS,
    "settings.remove_day": ADMINS,
}

# The first page of a role after signing in.
FIRST_PAGES: dict[RoleName, str] = {
    HANDLER: "cases.queue",
    AGENCY_HEAD: "dashboard.show",
    ANALYST: "dashboard.show",
    LEADER: "dashboard.show",
    ADMIN: "dashboard.show",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the navigation."""

    endpoint: str
    label: str
    # Other blueprints that are reached through it.
    rooms: tuple[str, ...] = ()

    def leads_to(self, room: str) -> bool:
        """Whether a page of this blueprint belongs to the link."""
        return room == self.endpoint.partition(".")[0] or room in self.rooms


NAVIGATION = (
    Entry("cases.queue", _("Phản ánh")),
    Entry("alerts.show_all", _("Cảnh báo")),
    Entry("inbox.show_all", _("Hộp thư")),
    Entry("dashboard.show", _("Chỉ số")),
    Entry("analysis.show", _("Phân tích")),
    Entry("reports.show_all", _("Báo cáo")),
    Entry("intake.show_all", _("Nhập hồ sơ")),
    Entry("messages.show", _("Tin nhắn"), ("texts",)),
    Entry("accounts.show_all", _("Tài khoản")),
    Entry("settings.show", _("Thiết lập")),
)

# Tabs of the message pages.
MESSAGE_TABS = (
    Entry("messages.show", _("Tình hình gửi")),
    Entry("messages.delivery", _("Tỷ lệ đến máy")),
    Entry("messages.look_up", _("Tra theo số")),
    Entry("texts.show_all", _("Mẫu tin"), ("texts",)),
    Entry("messages.costs", _("Chi phí")),
)


def may_open(role: RoleName, endpoint: str) -> bool:
    """Whether a role may open a page; nobody may open a page without an entry."""
    return role in PAGES.get(endpoint, frozenset())


def message_tabs_for(role: RoleName) -> list[Entry]:
    """The message tabs of a role, in order."""
    return [entry for entry in MESSAGE_TABS if may_open(role, entry.endpoint)]

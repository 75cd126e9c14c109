"""Role logins of a demo: one account per role, its password derived from SECRET_KEY.

They exist only with DEMO=1; a page of the demo lists them.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import accounts
from survey.catalogues import _
from survey.crypto.tokens import TOKEN_ALPHABET
from survey.db import settings_of
from survey.demo.units import FALLING_UNIT
from survey.errors import Refused
from survey.models.organisation import Agency
from survey.models.staff import RoleName, Staff

PASSWORD_GROUPS = 4
GROUP = 4


@dataclass(frozen=True, slots=True)
class RoleLogin:
    """One role's account: label, description, email and name."""

    role: RoleName
    title: str
    words: str
    email: str
    name: str


ROLE_LOGINS: Mapping[RoleName, RoleLogin] = {
    login.role: login
    for login in (
        RoleLogin(
            RoleName.HANDLER,
            _("Tổng đài"),
            _("Nhận phản ánh, liên hệ người dân, trả lời bằng văn bản trong hạn."),
            f"tong-dai@{accounts.DEMO_DOMAIN}",
            "Hồ Ngọc Linh",
        ),
        RoleLogin(
            RoleName.AGENCY_HEAD,
            _("Đơn vị"),
            _("Thủ trưởng đơn vị: chỉ số và phản ánh của đơn vị mình, không thấy ai phản ánh."),
            f"don-vi@{accounts.DEMO_DOMAIN}",
            "Võ Thanh Sơn",
        ),
        RoleLogin(
            RoleName.ANALYST,
            _("Phân tích"),
            _("Sở Nội vụ: chỉ số theo lĩnh vực, cơ quan, thủ tục; lập báo cáo tháng."),
            f"phan-tich@{accounts.DEMO_DOMAIN}",
            "Đặng Minh Hà",
        ),
        RoleLogin(
            RoleName.LEADER,
            _("Lãnh đạo"),
            _("Một trang: chỉ tiêu nào đạt, chỉ tiêu nào chưa, nơi nào cần chỉ đạo."),
            f"lanh-dao@{accounts.DEMO_DOMAIN}",
            "Bùi Quốc Long",
        ),
        RoleLogin(
            RoleName.ADMIN,
            _("Quản trị"),
            _("Tài khoản, thiết lập gửi tin, ngày nghỉ, nhập hồ sơ."),
            f"quan-tri@{accounts.DEMO_DOMAIN}",
            "Phan Gia Bình",
        ),
    )
}


def prepare_login(session: Session, role: RoleName, now: datetime) -> Staff:
    """The account of a role login, created on first use; Refused `not_a_demo`."""
    if not settings_of(session).demo:
        raise Refused("not_a_demo")
    login = ROLE_LOGINS[role]
    staff = accounts.find(session, login.email)
    if staff is not None:
        return staff
    agency = demo_agency(session) if role is RoleName.AGENCY_HEAD else None
    wanted = accounts.NewAccount(login.email, role, agency.code if agency else "", "", login.name)
    staff, _ = accounts.add(session, now, wanted)
    accounts.set_password(staff, password_of(session, login))
    session.flush()
    return staff


def password_of(session: Session, login: RoleLogin) -> str:
    """The password of a role login: HMAC under SECRET_KEY, so unpredictable without that key."""
    key = settings_of(session).secret_key.encode()
    digest = hmac.digest(key, f"demo door {login.email}".encode(), "sha256")
    letters = [TOKEN_ALPHABET[byte % len(TOKEN_ALPHABET)] for byte in digest]
    groups = range(0, PASSWORD_GROUPS * GROUP, GROUP)
    return "-".join("".join(letters[start : start + GROUP]) for start in groups)


def demo_agency(session: Session) -> Agency | None:
    """The unit of the walk, and of the role login for heads of agencies."""
    found = session.scalar(select(Agency).where(Agency.code == FALLING_UNIT))
    if found is not None:
        return found
    open_ended = select(Agency).where(Agency.valid_to.is_(None)).order_by(Agency.code)
    return session.scalars(open_ended.limit(1)).first()

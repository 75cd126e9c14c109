"""`flask staff`: create accounts on the server, each with a one-time password."""

from datetime import datetime, timedelta

import click

from survey import accounts
from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.db import transaction
from survey.errors import NotFound
from survey.models.staff import RoleName


@click.group(help=gettext("Tài khoản của cán bộ."))
def command() -> None:
    """Group the commands on accounts."""


@command.command("add", help=gettext("Thêm tài khoản; in mật khẩu dùng một lần."))
@click.argument("email")
@click.option("--role", type=click.Choice([str(role) for role in RoleName]), required=True)
@click.option(
    "--agency", default="", help=gettext("Mã cơ quan; tài khoản thấy cơ quan này và cấp dưới.")
)
@click.option("--sector", default="", help=gettext("Mã lĩnh vực."))
@click.option("--name", default="", help=gettext("Họ và tên."))
@common_options
def add(*, email: str, role: str, now: datetime, as_json: bool, **place: str) -> None:
    """Create an account."""
    account = accounts.NewAccount(
        email, RoleName(role), place["agency"], place["sector"], place["name"]
    )
    with transaction() as session:
        staff, password = accounts.add(session, now, account)
        made = staff.email
    if account.role is RoleName.AGENCY_HEAD and not account.agency_code:
        click.echo(gettext("Chưa gán cơ quan: tài khoản này chưa thấy đơn vị nào."), err=True)
    _print(made, password, as_json=as_json)


@command.command("reset", help=gettext("Cấp mật khẩu dùng một lần cho người quên mật khẩu."))
@click.argument("email")
@click.option("--second-factor", is_flag=True, help=gettext("Đặt lại cả xác thực hai bước."))
@common_options
def reset(*, email: str, second_factor: bool, now: datetime, as_json: bool) -> None:
    """Give an account a new one-time password."""
    with transaction() as session:
        staff = accounts.find(session, email)
        if staff is None:
            raise NotFound("no_account")
        password = accounts.reset(session, now, staff, with_second_factor=second_factor)
        made = staff.email
    _print(made, password, as_json=as_json)


def _print(email: str, password: str, *, as_json: bool) -> None:
    hours = accounts.ONE_TIME_WITHIN // timedelta(hours=1)
    text = gettext(
        "%(email)s\nMật khẩu dùng một lần, có hiệu lực %(hours)s giờ: %(password)s\nPhải "
        "đổi khi đăng nhập lần đầu.",
        email=email,
        hours=hours,
        password=password,
    )
    emit({"email": email, "password": password}, as_json=as_json, text=text)

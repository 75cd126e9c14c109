"""The report's section on comparisons: changes, outliers, drivers and the year's forecast.

Only significant findings are named, with their strength; for the rest the text says that there is
no evidence. Associations are described as such, never as causes.
"""

from collections import Counter
from collections.abc import Sequence

from survey.catalogues import _, gettext
from survey.formats import NONE, number
from survey.indices import LEAST_SHOWN, Breakdown
from survey.insights import FEW, MOST_FACTORS, Change, Dot, Drivers, Outlook, Overview
from survey.monitoring.baselines import is_tet_month
from survey.province.workdays import Calendar
from survey.reports import phrases
from survey.reports.charts import funnel_chart, is_far
from survey.reports.document import Cell, Column, Kind, Point, Section, Table
from survey.reports.figures import Report

TITLE = _("Phân tích")
ONLY_OUTSIDE = _(
    "%(others)s cơ quan chỉ ở ngoài giới hạn 95%% hoặc có dưới %(verdict_from)s phiếu, chưa đủ căn"
    " cứ để nêu tên: trong %(dots)s cơ quan, ngẫu nhiên cũng đưa ra chừng %(chance)s cơ quan như"
    " vậy."
)
MORE_OUTSIDE = _(
    "%(others)s cơ quan khác chỉ ở ngoài giới hạn 95%% hoặc có dưới %(verdict_from)s phiếu, chưa "
    "đủ căn cứ để nêu tên: trong %(dots)s cơ quan, ngẫu nhiên cũng đưa ra chừng %(chance)s cơ "
    "quan như vậy."
)
UNDECIDED = _("◐ Chưa đủ căn cứ")
# Numbers of rows and name length that fit on a page with everything else.
MOST_CHANGES, MOST_OUTSIDE, MOST_SECTORS = 4, 6, 5
LONGEST_NAME = 60
OPEN = _(
    "Kỳ chưa chốt, phiếu còn đang về nên chưa so sánh. Mục này được lập một lần, khi chốt kỳ, như"
    " mọi kết luận khác."
)
NOT_COMPARED = _("không so sánh, vì tháng trước chưa được chốt khi chốt kỳ này.")
DRIVER_NOTE = _(
    "Phần trong mối liên hệ: khi các phiếu khác nhau về mức hài lòng chung thì mỗi yếu tố đi cùng"
    " bao nhiêu; năm phần cộng lại bằng 100%. Đây là mối liên hệ, không phải nguyên nhân."
)
YEAR_NOTE = _(
    "Cần ở các tháng còn lại: phép tính, nếu số phiếu mỗi tháng vẫn như từ đầu năm. Xu thế chỉ kéo"
    " dài những tháng đã qua; đó không phải kết luận, và dịp Tết làm cong mọi xu thế."
)


def section(report: Report) -> Section:
    """The section on analysis; while the month is open, a sentence says why there is none."""
    found = report.overview
    if found is None:
        return Section(gettext(TITLE), (gettext(OPEN),))
    points, tables = [_changes(found)], []
    if found.changes:
        tables.append(_change_table(found))
    proven = _proven(found, report.scoring.verdict_from)
    named = proven[:MOST_OUTSIDE]
    points += [_funnel(found, proven, report.scoring.verdict_from), _drivers(found)]
    if found.drivers.factors:
        tables.append(_driver_table(found.drivers))
    if found.outlooks:
        tables.append(_year_table(found))
    else:
        words = gettext(
            "chưa lĩnh vực nào đủ %(few)s phiếu trong năm để nói về mục tiêu năm.", few=FEW
        )
        points.append(Point(gettext("Mục tiêu năm %(year)s:", year=found.month.year), words))
    picture = funnel_chart(found.funnel, named, found.month) if found.funnel else None
    return Section(gettext(TITLE), points=tuple(points), picture=picture, tables=tuple(tables))


def _changes(found: Overview) -> Point:
    lead = gettext("So với %(before)s:", before=phrases.month_name(found.before))
    if not found.changes:
        return Point(lead, gettext(NOT_COMPARED))
    compared, sure = [], []
    for by, kind in (
        (Breakdown.SECTOR, gettext("lĩnh vực")),
        (Breakdown.AGENCY, gettext("cơ quan")),
    ):
        lines = [one for one in found.changes[by] if one.difference is not None]
        compared.append(f"{len(lines)} {kind}")
        moved = sum(one.is_sure for one in lines)
        sure += [f"{moved} {kind}"] if moved else []
    sentence = gettext(
        "so được %(compared)s có từ %(few)s phiếu ở cả hai tháng, trên cùng cơ cấu hồ sơ (lĩnh "
        "vực, đúng hạn hay trễ hạn)",
        compared=phrases.listed(compared),
        few=FEW,
    )
    caution = _caution(found)
    if not sure:
        words = gettext(
            "%(sentence)s; chưa đủ căn cứ để nói nơi nào tăng hay giảm.", sentence=sentence
        )
        return Point(lead, words + caution)
    return Point(
        lead,
        gettext(
            "%(sentence)s. %(places)s thay đổi có cơ sở, sau khi đã điều chỉnh cho việc so "
            "nhiều nơi cùng lúc; với các nơi còn lại chưa đủ căn cứ để nói là tăng hay "
            "giảm.%(caution)s",
            sentence=sentence,
            places=phrases.listed(sure).capitalize(),
            caution=caution,
        ),
    )


def _caution(found: Overview) -> str:
    """A note on Tết by the official calendar only: days added later do not change a report."""
    tet = [one for one in (found.before, found.month) if is_tet_month(Calendar(), one)]
    if not tet:
        return ""
    named = phrases.listed([phrases.month_name(one) for one in tet])
    return " " + gettext(
        "Có kỳ Tết (%(named)s): mức hài lòng dịp này thường giảm, nên thận trọng khi so sánh.",
        named=named,
    )


def _change_table(found: Overview) -> Table:
    """The province on top, then the largest significant changes."""
    columns = (
        Column(gettext("Phạm vi"), 40),
        Column(gettext("Tháng trước"), 18, Kind.SHARE),
        Column(gettext("Tháng này"), 18, Kind.SHARE),
        Column(gettext("Phiếu (trước / này)"), 23, Kind.COUNT),
        Column(gettext("Chênh lệch, điểm (khoảng tin cậy 95%)"), 34, Kind.SHARE),
        Column(gettext("Kết luận"), 32),
    )
    lines, more = [*found.changes[Breakdown.OVERALL]], 0
    for by in (Breakdown.SECTOR, Breakdown.AGENCY):
        sure = [one for one in found.changes[by] if one.is_sure]
        lines += sure[:MOST_CHANGES]
        more += len(sure[MOST_CHANGES:])
    notes = (
        (gettext("Còn %(more)s nơi thay đổi có cơ sở với mức nhỏ hơn.", more=more),) if more else ()
    )
    title = gettext(
        "Thay đổi so với %(before)s, trên cùng cơ cấu hồ sơ (%%)",
        before=phrases.month_name(found.before),
    )
    return Table(title, columns, tuple(_change_row(one) for one in lines), 1, notes)


def _change_row(one: Change) -> tuple[Cell, ...]:
    counts = [number(rated) for rated in (one.rated_before, one.rated)]
    words = gettext("không so sánh")
    if one.difference is not None:
        direction = gettext("▲ Tăng") if one.difference > 0 else gettext("▼ Giảm")
        words = direction if one.is_sure else gettext(UNDECIDED)
    return (
        Cell(phrases.shortened(one.label, LONGEST_NAME)),
        Cell(phrases.percent(one.before), one.before, Kind.SHARE),
        Cell(phrases.percent(one.now), one.now, Kind.SHARE),
        Cell(" / ".join(counts)),
        Cell(_moved(one)),
        Cell(words),
    )


def _moved(one: Change) -> str:
    if one.difference is None or one.low is None or one.high is None:
        return NONE
    middle, low, high = (phrases.points(value) for value in (one.difference, one.low, one.high))
    return gettext("%(middle)s (%(low)s đến %(high)s)", middle=middle, low=low, high=high)


def _proven(found: Overview, verdict_from: int) -> Sequence[Dot]:
    """Agencies a report may name, the farthest from the centre first.

    Those outside the widest limits with enough ratings for a verdict.
    """
    if found.funnel is None:
        return ()
    centre = found.funnel.centre
    far = [one for one in found.funnel.outside if is_far(one) and one.rated >= verdict_from]
    return sorted(far, key=lambda one: -abs(one.share - centre))


def _funnel(found: Overview, proven: Sequence[Dot], verdict_from: int) -> Point:
    lead, funnel = gettext("Đơn vị khác thường:"), found.funnel
    if funnel is None:
        return Point(lead, gettext("chưa đủ căn cứ, vì chưa cơ quan nào có đủ phiếu được hiện."))
    sentence = gettext(
        "quanh tỷ lệ chung %(centre)s, %(far)s",
        centre=phrases.percentage(funnel.centre),
        far=_far(proven, verdict_from),
    )
    if others := len(funnel.outside) - len(proven):
        values = {
            "others": others,
            "verdict_from": verdict_from,
            "dots": len(funnel.dots),
            "chance": max(1, round(len(funnel.dots) / 20)),
        }
        sentence += " " + (
            gettext(MORE_OUTSIDE, **values) if proven else gettext(ONLY_OUTSIDE, **values)
        )
    sentence += " " + gettext("Đây không phải bảng xếp hạng, và chưa tính khác biệt về loại hồ sơ.")
    return Point(lead, sentence)


def _far(proven: Sequence[Dot], verdict_from: int) -> str:
    enough = gettext("cơ quan có từ %(verdict_from)s phiếu", verdict_from=verdict_from)
    if not proven:
        return gettext("không %(enough)s nào nằm ngoài giới hạn 99,8%%.", enough=enough)
    names = "; ".join(
        f"({place}) {phrases.shortened(one.label, LONGEST_NAME)} {phrases.percentage(one.share)},"
        f" n = {number(one.rated)}"
        for place, one in enumerate(proven[:MOST_OUTSIDE], 1)
    )
    more = len(proven) - MOST_OUTSIDE
    names += "; " + gettext("và %(more)s cơ quan nữa", more=more) if more > 0 else ""
    return gettext(
        "%(proven)s %(enough)s nằm ngoài giới hạn 99,8%%: %(names)s.",
        proven=len(proven),
        enough=enough,
        names=names,
    )


def _drivers(found: Overview) -> Point:
    lead, drivers = gettext("Yếu tố đi cùng mức hài lòng chung:"), found.drivers
    if 0 < drivers.complete < LEAST_SHOWN:
        complete = gettext("dưới %(smallest_shown)s", smallest_shown=LEAST_SHOWN)
    else:
        complete = number(drivers.complete)
    where = gettext(
        "%(complete)s phiếu đầy đủ của %(months)s tháng đã chốt",
        complete=complete,
        months=found.driver_months,
    )
    if drivers.is_too_long:
        words = gettext("không tính, vì phiếu đầy đủ hỏi hơn %(most)s yếu tố.", most=MOST_FACTORS)
        return Point(lead, words)
    if not drivers.factors:
        enough = (
            ", " + gettext("cần ít nhất %(needed)s", needed=drivers.needed)
            if drivers.complete < drivers.needed
            else ""
        )
        return Point(
            lead, gettext("chưa đủ căn cứ (%(where)s%(enough)s).", where=where, enough=enough)
        )
    apart = [one.factor for one in drivers.factors if one.quadrant == "act_first"]
    sentence = (
        gettext(
            "từ %(where)s, các yếu tố cùng giải thích %(explained)s khác biệt của mức hài lòng "
            "chung.",
            where=where,
            explained=phrases.percentage(drivers.explained, 0),
        )
        + " "
    )
    if apart:
        sentence += gettext(
            "Đi cùng nhiều mà mức hài lòng còn thấp: %(apart)s.", apart=phrases.listed(apart)
        )
    else:
        sentence += gettext("Chưa đủ căn cứ để chọn ra một yếu tố cần ưu tiên.")
    return Point(lead, sentence)


def _driver_table(drivers: Drivers) -> Table:
    columns = (
        Column(gettext("Yếu tố"), 58),
        Column(gettext("Phần trong mối liên hệ"), 26, Kind.SHARE),
        Column(gettext("Khoảng tin cậy 95%"), 24, Kind.SHARE),
        Column(gettext("Hài lòng với yếu tố"), 22, Kind.SHARE),
        Column(gettext("Gợi ý"), 35),
    )
    rows = tuple(
        (
            Cell(one.factor),
            Cell(phrases.percent(one.share, 0), one.share, Kind.SHARE),
            Cell(f"{phrases.percent(one.low, 0)}–{phrases.percent(one.high, 0)}"),
            Cell(phrases.percent(one.performance), one.performance, Kind.SHARE),
            Cell(gettext(phrases.QUADRANTS.get(one.quadrant, UNDECIDED))),
        )
        for one in drivers.factors
    )
    title = gettext("Yếu tố đi cùng mức hài lòng chung, toàn tỉnh (%)")
    return Table(title, columns, rows, notes=(gettext(DRIVER_NOTE),))


def _year_table(found: Overview) -> Table:
    """The province, then the sectors farthest from their target."""
    columns = (
        Column(gettext("Phạm vi"), 38),
        Column(gettext("Mục tiêu"), 14, Kind.LEVEL),
        Column(gettext("Từ đầu năm (số phiếu)"), 27, Kind.SHARE),
        Column(gettext("Cần ở các tháng còn lại"), 23, Kind.SHARE),
        Column(gettext("Xu thế tới tháng 12"), 30, Kind.SHARE),
        Column(gettext("Triển vọng"), 33),
    )
    sectors = sorted(found.outlooks, key=lambda one: one.so_far - one.target)
    whole = [one for one in sectors if one.key == Breakdown.OVERALL]
    sectors = [one for one in sectors if one.key != Breakdown.OVERALL]
    shown = [*whole, *sectors[:MOST_SECTORS]]
    rows = tuple(_year_row(one) for one in shown)
    notes, others = [gettext(YEAR_NOTE)], Counter(_prospect(one) for one in sectors[MOST_SECTORS:])
    if others:
        # Without the status symbols, which only table cells have.
        values = "; ".join(
            f"{number} {words.partition(' ')[2].lower()}" for words, number in others.items()
        )
        notes.insert(
            0, gettext("Các lĩnh vực khác, gần hoặc trên mục tiêu hơn: %(values)s.", values=values)
        )
    title = gettext(
        "Mục tiêu năm %(year)s, tính đến %(month)s (%%)",
        year=found.month.year,
        month=phrases.month_name(found.month),
    )
    return Table(title, columns, rows, len(whole), tuple(notes))


def _year_row(one: Outlook) -> tuple[Cell, ...]:
    needed, trend = phrases.percent(one.needed), NONE
    if one.needed is not None and one.needed > 1:
        needed = gettext("trên 100")
    if one.forecast is not None:
        limits = f"{phrases.percent(one.low)}–{phrases.percent(one.high)}"
        trend = f"{phrases.percent(one.forecast)} ({limits})"
    return (
        Cell(phrases.shortened(one.label, LONGEST_NAME)),
        Cell(phrases.level(one.target), one.target, Kind.LEVEL),
        Cell(f"{phrases.percent(one.so_far)} ({number(one.rated)})"),
        Cell(needed),
        Cell(trend),
        Cell(_prospect(one)),
    )


def _prospect(one: Outlook) -> str:
    if one.needed is not None and one.needed > 1:
        return gettext(phrases.OUT_OF_REACH)
    return gettext(phrases.OUTLOOKS[one.words])

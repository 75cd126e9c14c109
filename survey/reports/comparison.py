"""What a report says when months and units are compared: changes, outliers, drivers, outlook.

Only what has grounds is named, with how strong they are; everything else is said to have none. What
goes together is told as such, never as a cause.
"""

from collections import Counter
from collections.abc import Sequence

from survey.formats import NONE, number
from survey.indices import SMALLEST_SHOWN, Breakdown
from survey.insights import FEW, Change, Dot, Drivers, Outlook, Overview
from survey.monitoring.freezing import is_tet_month
from survey.province.workdays import Calendar
from survey.reports import phrases
from survey.reports.charts import funnel_chart, is_far
from survey.reports.document import Cell, Column, Kind, Point, Section, Table
from survey.reports.figures import Report

TITLE = "Phân tích"
# Names and lines that fit a page with everything else.
MOST_CHANGES, MOST_OUTSIDE, MOST_SECTORS = 4, 6, 5
LONGEST_NAME = 60
OPEN = (
    "Kỳ chưa chốt, phiếu còn đang về nên chưa so sánh. Mục này được lập một lần, khi chốt kỳ, như"
    " mọi kết luận khác."
)
NOT_COMPARED = "không so sánh, vì tháng trước chưa được chốt khi chốt kỳ này."
DRIVER_NOTE = (
    "Phần trong mối liên hệ: khi các phiếu khác nhau về mức hài lòng chung thì mỗi yếu tố đi cùng"
    " bao nhiêu; năm phần cộng lại bằng 100%. Đây là mối liên hệ, không phải nguyên nhân."
)
YEAR_NOTE = (
    "Cần ở các tháng còn lại: phép tính, nếu số phiếu mỗi tháng vẫn như từ đầu năm. Xu thế chỉ kéo"
    " dài những tháng đã qua; đó không phải kết luận, và dịp Tết làm cong mọi xu thế."
)


def section(report: Report) -> Section:
    """The section on analysis; while the month is open, a sentence says why there is none."""
    found = report.overview
    if found is None:
        return Section(TITLE, (OPEN,))
    points, tables = [_changes(found)], []
    if found.changes:
        tables.append(_change_table(found))
    proven = _proven(found, report.judging.judged_from)
    named = proven[:MOST_OUTSIDE]
    points += [_funnel(found, proven, report.judging.judged_from), _drivers(found)]
    if found.drivers.factors:
        tables.append(_driver_table(found.drivers))
    if found.outlooks:
        tables.append(_year_table(found))
    else:
        words = f"chưa lĩnh vực nào đủ {FEW} phiếu trong năm để nói về mục tiêu năm."
        points.append(Point(f"Mục tiêu năm {found.month.year}:", words))
    picture = funnel_chart(found.funnel, named, found.month) if found.funnel else None
    return Section(TITLE, points=tuple(points), picture=picture, tables=tuple(tables))


def _changes(found: Overview) -> Point:
    lead = f"So với {phrases.month_name(found.before)}:"
    if not found.changes:
        return Point(lead, NOT_COMPARED)
    compared, sure = [], []
    for by, kind in ((Breakdown.SECTOR, "lĩnh vực"), (Breakdown.AGENCY, "cơ quan")):
        lines = [one for one in found.changes[by] if one.difference is not None]
        compared.append(f"{len(lines)} {kind}")
        moved = sum(one.is_sure for one in lines)
        sure += [f"{moved} {kind}"] if moved else []
    said = f"so được {phrases.listed(compared)} có từ {FEW} phiếu ở cả hai tháng, trên cùng cơ cấu"
    said += " hồ sơ (lĩnh vực, đúng hạn hay trễ hạn)"
    caution = _caution(found)
    if not sure:
        return Point(lead, f"{said}; chưa đủ căn cứ để nói nơi nào tăng hay giảm.{caution}")
    return Point(
        lead,
        f"{said}. {phrases.listed(sure).capitalize()} thay đổi có cơ sở, sau khi đã điều chỉnh cho"
        " việc so nhiều nơi cùng lúc; với các nơi còn lại chưa đủ căn cứ để nói là tăng hay giảm."
        f"{caution}",
    )


def _caution(found: Overview) -> str:
    """A word on Tết, by the state's calendar alone: days added later change no report."""
    tet = [one for one in (found.before, found.month) if is_tet_month(Calendar(), one)]
    if not tet:
        return ""
    named = phrases.listed([phrases.month_name(one) for one in tet])
    return f" Có kỳ Tết ({named}): mức hài lòng dịp này thường giảm, nên thận trọng khi so sánh."


def _change_table(found: Overview) -> Table:
    """The province on top, then the greatest sure changes."""
    columns = (
        Column("Phạm vi", 40),
        Column("Tháng trước", 18, Kind.SHARE),
        Column("Tháng này", 18, Kind.SHARE),
        Column("Phiếu (trước / này)", 23, Kind.COUNT),
        Column("Chênh lệch, điểm (khoảng tin cậy 95%)", 34, Kind.SHARE),
        Column("Kết luận", 32),
    )
    lines, more = [*found.changes[Breakdown.OVERALL]], 0
    for by in (Breakdown.SECTOR, Breakdown.AGENCY):
        sure = [one for one in found.changes[by] if one.is_sure]
        lines += sure[:MOST_CHANGES]
        more += len(sure[MOST_CHANGES:])
    notes = (f"Còn {more} nơi thay đổi có cơ sở với mức nhỏ hơn.",) if more else ()
    title = f"Thay đổi so với {phrases.month_name(found.before)}, trên cùng cơ cấu hồ sơ (%)"
    return Table(title, columns, tuple(_change_row(one) for one in lines), 1, notes)


def _change_row(one: Change) -> tuple[Cell, ...]:
    counts = [number(rated) for rated in (one.rated_before, one.rated)]
    words = "không so sánh"
    if one.difference is not None:
        direction = "▲ Tăng" if one.difference > 0 else "▼ Giảm"
        words = direction if one.is_sure else "◐ Chưa đủ căn cứ"
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
    return f"{middle} ({low} đến {high})"


def _proven(found: Overview, judged_from: int) -> Sequence[Dot]:
    """Whom a report may name: beyond the widest limits with ratings enough for a verdict, the
    farthest from the centre first.
    """
    if found.funnel is None:
        return ()
    centre = found.funnel.centre
    far = [one for one in found.funnel.outside if is_far(one) and one.rated >= judged_from]
    return sorted(far, key=lambda one: -abs(one.share - centre))


def _funnel(found: Overview, proven: Sequence[Dot], judged_from: int) -> Point:
    lead, funnel = "Đơn vị khác thường:", found.funnel
    if funnel is None:
        return Point(lead, "chưa đủ căn cứ, vì chưa cơ quan nào có đủ phiếu được hiện.")
    said = f"quanh tỷ lệ chung {phrases.percentage(funnel.centre)}, {_far(proven, judged_from)}"
    if others := len(funnel.outside) - len(proven):
        said += (
            f" {others} cơ quan{' khác' if proven else ''} chỉ ở ngoài giới hạn 95% hoặc có dưới"
        )
        said += (
            f" {judged_from} phiếu, chưa đủ căn cứ để nêu tên: trong {len(funnel.dots)} cơ quan,"
        )
        said += f" ngẫu nhiên cũng đưa ra chừng {max(1, round(len(funnel.dots) / 20))} cơ quan như"
        said += " vậy."
    said += " Đây không phải bảng xếp hạng, và chưa tính khác biệt về loại hồ sơ."
    return Point(lead, said)


def _far(proven: Sequence[Dot], judged_from: int) -> str:
    enough = f"cơ quan có từ {judged_from} phiếu"
    if not proven:
        return f"không {enough} nào nằm ngoài giới hạn 99,8%."
    names = "; ".join(
        f"({place}) {phrases.shortened(one.label, LONGEST_NAME)} {phrases.percentage(one.share)},"
        f" n = {number(one.rated)}"
        for place, one in enumerate(proven[:MOST_OUTSIDE], 1)
    )
    more = len(proven) - MOST_OUTSIDE
    names += f"; và {more} cơ quan nữa" if more > 0 else ""
    return f"{len(proven)} {enough} nằm ngoài giới hạn 99,8%: {names}."


def _drivers(found: Overview) -> Point:
    lead, drivers = "Yếu tố đi cùng mức hài lòng chung:", found.drivers
    if 0 < drivers.complete < SMALLEST_SHOWN:
        complete = f"dưới {SMALLEST_SHOWN}"
    else:
        complete = number(drivers.complete)
    where = f"{complete} phiếu đầy đủ của {found.driver_months} tháng đã chốt"
    if not drivers.factors:
        enough = f", cần ít nhất {drivers.needed}" if drivers.complete < drivers.needed else ""
        return Point(lead, f"chưa đủ căn cứ ({where}{enough}).")
    apart = [phrases.FACTORS[one.factor] for one in drivers.factors if one.quadrant == "act_first"]
    said = f"từ {where}, năm yếu tố cùng giải thích {phrases.percentage(drivers.explained, 0)} khác"
    said += " biệt của mức hài lòng chung. "
    if apart:
        said += f"Đi cùng nhiều mà mức hài lòng còn thấp: {phrases.listed(apart)}."
    else:
        said += "Chưa đủ căn cứ để chọn ra một yếu tố cần ưu tiên."
    return Point(lead, said)


def _driver_table(drivers: Drivers) -> Table:
    columns = (
        Column("Yếu tố", 58),
        Column("Phần trong mối liên hệ", 26, Kind.SHARE),
        Column("Khoảng tin cậy 95%", 24, Kind.SHARE),
        Column("Hài lòng với yếu tố", 22, Kind.SHARE),
        Column("Gợi ý", 35),
    )
    rows = tuple(
        (
            Cell(phrases.FACTORS[one.factor]),
            Cell(phrases.percent(one.share, 0), one.share, Kind.SHARE),
            Cell(f"{phrases.percent(one.low, 0)}–{phrases.percent(one.high, 0)}"),
            Cell(phrases.percent(one.performance), one.performance, Kind.SHARE),
            Cell(phrases.QUADRANTS.get(one.quadrant, "◐ Chưa đủ căn cứ")),
        )
        for one in drivers.factors
    )
    title = "Yếu tố đi cùng mức hài lòng chung, toàn tỉnh (%)"
    return Table(title, columns, rows, notes=(DRIVER_NOTE,))


def _year_table(found: Overview) -> Table:
    """The province, then the sectors that have the longest way to go."""
    columns = (
        Column("Phạm vi", 38),
        Column("Mục tiêu", 14, Kind.LEVEL),
        Column("Từ đầu năm (số phiếu)", 27, Kind.SHARE),
        Column("Cần ở các tháng còn lại", 23, Kind.SHARE),
        Column("Xu thế tới tháng 12", 30, Kind.SHARE),
        Column("Triển vọng", 33),
    )
    sectors = sorted(found.outlooks, key=lambda one: one.so_far - one.target)
    whole = [one for one in sectors if one.key == Breakdown.OVERALL]
    sectors = [one for one in sectors if one.key != Breakdown.OVERALL]
    shown = [*whole, *sectors[:MOST_SECTORS]]
    rows = tuple(_year_row(one) for one in shown)
    notes, others = [YEAR_NOTE], Counter(_prospect(one) for one in sectors[MOST_SECTORS:])
    if others:
        # Without their signs, which only cells bear.
        told = "; ".join(
            f"{number} {words.partition(' ')[2].lower()}" for words, number in others.items()
        )
        notes.insert(0, f"Các lĩnh vực khác, gần hoặc trên mục tiêu hơn: {told}.")
    title = f"Mục tiêu năm {found.month.year}, tính đến {phrases.month_name(found.month)} (%)"
    return Table(title, columns, rows, len(whole), tuple(notes))


def _year_row(one: Outlook) -> tuple[Cell, ...]:
    needed, trend = phrases.percent(one.needed), NONE
    if one.needed is not None and one.needed > 1:
        needed = "trên 100"
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
        return phrases.OUT_OF_REACH
    return phrases.OUTLOOKS[one.words]

"""Sentences of the first page: verdict, achievements, and points that need a decision."""

from collections.abc import Sequence

from survey.catalogues import gettext
from survey.formats import NONE, number
from survey.indices import Figure, Status
from survey.period import Month
from survey.reports import phrases
from survey.reports.document import Point, Tile
from survey.reports.figures import Report, RuleHit, by_status

MOST_POINTS = 4
MOST_NAMES = 2
# From this share of dossiers without a usable phone on, counters are asked to record numbers.
MANY_WITHOUT_PHONE = 0.1
NO_USABLE_PHONE = ("no_phone", "bad_phone", "landline")


def verdict(report: Report) -> str:
    """One or two sentences: the province against its target, and how many sectors met theirs."""
    whole = report.overall
    month = phrases.month_name(report.month)
    if whole.index is None or whole.is_suppressed:
        return gettext(
            "Kỳ %(month)s có %(finished)s hồ sơ hoàn thành nhưng chưa đủ phiếu trả lời để "
            "tính chỉ số hài lòng.",
            month=month,
            finished=number(whole.finished),
        )
    sentence = gettext(
        "Chỉ số hài lòng toàn tỉnh %(month)s là %(index)s",
        month=month,
        index=phrases.percentage(whole.index),
    )
    low, high = phrases.percent(whole.low), phrases.percent(whole.high)
    name = phrases.interval_name(report.scoring.confidence, is_draft=report.is_draft)
    sentence += f" ({name}: {low}–{high})"
    return f"{sentence}, {_against_target(whole)}. {_sectors(report)}"


def _against_target(figure: Figure) -> str:
    level = phrases.level(figure.target)
    words = {
        Status.MET: gettext("đạt mục tiêu %(level)s%%", level=level),
        Status.NOT_MET: gettext("chưa đạt mục tiêu %(level)s%%", level=level),
        Status.UNCERTAIN: gettext(
            "chưa đủ căn cứ để kết luận so với mục tiêu %(level)s%%", level=level
        ),
        Status.FEW: gettext(
            "số phiếu còn ít nên chưa đánh giá so với mục tiêu %(level)s%%", level=level
        ),
        Status.PROVISIONAL: gettext(
            "là số tạm tính, chưa đánh giá so với mục tiêu %(level)s%%", level=level
        ),
    }
    return gettext("chưa có mục tiêu được giao") if figure.target is None else words[figure.status]


def _sectors(report: Report) -> str:
    if report.is_draft:
        return gettext("Kết luận theo từng lĩnh vực được xác định sau khi chốt kỳ.")
    parts = [
        gettext("%(found)s lĩnh vực %(words)s", found=len(found), words=words)
        for status, words in (
            (Status.MET, gettext("đạt mục tiêu")),
            (Status.NOT_MET, gettext("chưa đạt")),
            (Status.UNCERTAIN, gettext("chưa rõ")),
            (Status.FEW, gettext("ít mẫu")),
            (Status.SUPPRESSED, gettext("không hiện số liệu")),
            (Status.NO_TARGET, gettext("chưa giao mục tiêu")),
        )
        if (found := by_status(report.sectors, status))
    ]
    if not parts:
        return gettext("Chưa lĩnh vực nào đủ phiếu để đánh giá.")
    return gettext(
        "Trong %(sectors)s lĩnh vực có hồ sơ: %(parts)s.",
        sectors=len(report.sectors),
        parts=phrases.listed(parts),
    )


def tiles(report: Report) -> tuple[Tile, ...]:
    """The four figures of the first page, each with its target and the previous month."""
    return (_index_tile(report), _sector_tile(report), _response_tile(report), _case_tile(report))


def _index_tile(report: Report) -> Tile:
    whole, before = report.overall, report.before
    shown = None if whole.is_suppressed else whole.index
    lines = [gettext("Mục tiêu %(target)s", target=phrases.level(whole.target))]
    if before:
        moved = phrases.change(shown, before.index)
        lines.append(f"{_last(before.month)}: {phrases.percent(before.index)} ({moved})")
    detail = f"n = {phrases.count(whole)}"
    if shown is not None:
        detail = f"({phrases.percent(whole.low)}–{phrases.percent(whole.high)}) · {detail}"
    return Tile(
        label=gettext("Chỉ số hài lòng"),
        value=phrases.percent(shown),
        detail=detail,
        lines=tuple(lines),
        status=phrases.status(whole),
        sign=whole.status.value,
    )


def _sector_tile(report: Report) -> Tile:
    total, met, before = len(report.sectors), report.sectors_met, report.before
    words = {
        Status.NOT_MET: gettext("chưa đạt"),
        Status.UNCERTAIN: gettext("chưa rõ"),
        Status.FEW: gettext("ít mẫu"),
    }
    counted = [(len(by_status(report.sectors, status)), word) for status, word in words.items()]
    detail = " · ".join(f"{found} {word}" for found, word in counted if found)
    lines = [gettext("Mục tiêu %(total)s/%(total)s", total=total)]
    if before:
        lines.append(f"{_last(before.month)}: {_of(before.sectors_met, before.sectors)}")
    return Tile(
        label=gettext("Lĩnh vực đạt mục tiêu"),
        value=_of(met, total),
        detail=gettext("chờ chốt kỳ") if report.is_draft else detail,
        lines=tuple(lines),
    )


def _response_tile(report: Report) -> Tile:
    frame, before = report.frame, report.before
    lines = [gettext("%(invited)s lời mời đã gửi", invited=number(frame.invited))]
    if before:
        moved = phrases.change(report.overall.response_rate, before.response_rate)
        lines.append(f"{_last(before.month)}: {phrases.percentage(before.response_rate)} ({moved})")
    rated, finished = phrases.count(report.overall), number(report.overall.finished)
    return Tile(
        label=gettext("Tỷ lệ trả lời"),
        value=phrases.percentage(report.overall.response_rate),
        detail=gettext("%(rated)s phiếu / %(finished)s hồ sơ", rated=rated, finished=finished),
        lines=tuple(lines),
    )


def _case_tile(report: Report) -> Tile:
    total, before = report.cases.total, report.before
    lines = [gettext("Mục tiêu 100%")]
    if total.ended_without_answer:
        lines.append(
            gettext(
                "%(ended_without_answer)s kết thúc không trả lời",
                ended_without_answer=total.ended_without_answer,
            )
        )
    if before:
        lines.append(f"{_last(before.month)}: {phrases.percentage(before.cases_on_time)}")
    detail = gettext(
        "%(on_time)s/%(decided)s phản ánh đến hạn", on_time=total.on_time, decided=total.decided
    )
    return Tile(
        label=gettext("Phản ánh được trả lời đúng hạn"),
        value=phrases.percentage(total.on_time_share),
        detail=detail if total.decided else gettext("không có phản ánh đến hạn"),
        lines=tuple(lines),
    )


def _of(part: int | None, total: int) -> str:
    return NONE if part is None else f"{part}/{total}"


def _last(month: Month) -> str:
    return gettext("Tháng %(number)s", number=month.number)


def direction(report: Report) -> tuple[Point, ...]:
    """Points on which leaders should decide, most serious first; at most four."""
    points = [
        _not_met(report),
        _blocked(report),
        _overdue(report),
        _unanswered(report),
        _phones(report),
        _unsure(report),
    ]
    found = [point for point in points if point]
    none = Point(gettext("Không có nội dung cần chỉ đạo riêng."), "")
    return tuple(found[:MOST_POINTS]) or (none,)


def _not_met(report: Report) -> Point | None:
    found = by_status(report.sectors, Status.NOT_MET)
    if not found:
        return None
    named = "; ".join(f"{one.label} {phrases.reading(one)}" for one in found[:MOST_NAMES])
    more = len(found) - MOST_NAMES
    named += "; " + gettext("và %(more)s lĩnh vực khác tại mục 1", more=more) if more > 0 else ""
    return Point(
        gettext("%(found)s lĩnh vực chưa đạt mục tiêu.", found=len(found)),
        gettext(
            "%(named)s. Đề nghị cơ quan quản lý ngành làm rõ nguyên nhân, báo cáo biện "
            "pháp khắc phục.",
            named=named,
        ),
    )


def _blocked(report: Report) -> Point | None:
    agencies = list(dict.fromkeys(hit.agency for hit in report.rules))
    if not agencies:
        return None
    named = "; ".join(_floors_of(agency, report.rules) for agency in agencies[:MOST_NAMES])
    more = len(agencies) - MOST_NAMES
    named += "; " + gettext("và %(more)s đơn vị khác tại mục 4", more=more) if more > 0 else ""
    if report.is_draft:
        return Point(
            gettext(
                "%(agencies)s đơn vị có nguy cơ không được xếp hạng tốt (tạm tính).",
                agencies=len(agencies),
            ),
            gettext(
                "%(named)s. Đề nghị người đứng đầu chủ động khắc phục trước khi chốt kỳ.",
                named=named,
            ),
        )
    return Point(
        gettext("%(agencies)s đơn vị chưa đủ điều kiện xếp hạng tốt.", agencies=len(agencies)),
        gettext(
            "%(named)s. Đề nghị người đứng đầu giải trình và có kế hoạch khắc phục.", named=named
        ),
    )


def _floors_of(agency: str, rules: Sequence[RuleHit]) -> str:
    """An agency, once, with every threshold it violates."""
    floors = (
        f"{gettext(phrases.RULES.get(hit.rule, hit.rule)).lower()} {phrases.percentage(hit.value)}"
        for hit in rules
        if hit.agency == agency
    )
    return f"{agency} ({', '.join(floors)})"


def _overdue(report: Report) -> Point | None:
    total = report.cases.total
    if not total.overdue:
        return None
    where = [line.label for line in report.cases.by_agency if line.overdue]
    named = _first_names(where, gettext("đơn vị"))
    return Point(
        gettext("%(overdue)s phản ánh đã quá hạn mà chưa được trả lời.", overdue=total.overdue),
        gettext("Thuộc %(named)s. Đề nghị trả lời bằng văn bản cho người dân ngay.", named=named),
    )


def _unanswered(report: Report) -> Point | None:
    total = report.cases.total
    if not total.ended_without_answer:
        return None
    counted = (
        (total.transferred, gettext("chuyển cơ quan khác")),
        (total.unreachable, gettext("không liên lạc được")),
    )
    named = phrases.listed([f"{number} {words}" for number, words in counted if number])
    return Point(
        gettext(
            "%(ended_without_answer)s phản ánh kết thúc mà người dân không được trả lời.",
            ended_without_answer=total.ended_without_answer,
        ),
        (gettext("Trong đó %(named)s.", named=named) + " " if named else "")
        + gettext("Đề nghị đường dây nóng rà soát, trả lời người dân bằng văn bản."),
    )


def _phones(report: Report) -> Point | None:
    missing = sum(found for reason, found in report.not_invited if reason in NO_USABLE_PHONE)
    finished = report.frame.finished
    if not finished or missing / finished < MANY_WITHOUT_PHONE:
        return None
    return Point(
        gettext(
            "%(missing)s hồ sơ không mời được người dân đánh giá.",
            missing=phrases.percentage(missing / finished),
        ),
        gettext(
            "%(missing)s hồ sơ thiếu, sai số điện thoại hoặc chỉ có số cố định. Đề nghị bộ "
            "phận một cửa ghi đủ số di động của người nộp.",
            missing=number(missing),
        ),
    )


def _unsure(report: Report) -> Point | None:
    found = by_status(report.sectors, Status.UNCERTAIN)
    if not found:
        return None
    named = _first_names([one.label for one in found], gettext("lĩnh vực"))
    return Point(
        gettext("%(found)s lĩnh vực chưa đủ căn cứ kết luận.", found=len(found)),
        gettext("%(named)s. Đề nghị tiếp tục vận động người dân trả lời khảo sát.", named=named),
    )


def _first_names(names: list[str], kind: str) -> str:
    """The first few names; the tables list all."""
    more = len(names) - MOST_NAMES
    return phrases.listed(
        names
        if more <= 0
        else [*names[:MOST_NAMES], gettext("%(more)s %(kind)s khác", more=more, kind=kind)]
    )


def good(report: Report) -> tuple[Point, ...]:
    """Achievements that the figures prove."""
    points = []
    if found := by_status(report.sectors, Status.MET):
        names = _first_names([one.label for one in reversed(found)], gettext("lĩnh vực"))
        points.append(
            Point(gettext("%(found)s lĩnh vực đạt mục tiêu:", found=len(found)), f"{names}.")
        )
    agencies = by_status(report.agencies, Status.MET)
    if agencies:
        names = _first_names(sorted(one.label for one in agencies), gettext("đơn vị"))
        points.append(
            Point(gettext("%(agencies)s đơn vị đạt mục tiêu:", agencies=len(agencies)), f"{names}.")
        )
    if report.cases.total.on_time_share == 1:
        points.append(
            Point(
                gettext("Mọi phản ánh đến hạn"), gettext("đều được trả lời bằng văn bản đúng hạn.")
            )
        )
    return tuple(points)

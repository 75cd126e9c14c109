"""What the first page says: the verdict in one sentence, what is good, and what needs direction."""

from collections.abc import Sequence

from survey.formats import NONE, number
from survey.indices import Figure, Status
from survey.period import Month
from survey.reports import phrases
from survey.reports.document import Point, Tile
from survey.reports.figures import Report, RuleHit, standing

MOST_POINTS = 4
MOST_NAMES = 2
# From this share of dossiers without a usable phone on, the counters are asked to write them down.
MANY_WITHOUT_PHONE = 0.1
NO_USABLE_PHONE = ("no_phone", "bad_phone", "landline")


def verdict(report: Report) -> str:
    """One or two sentences: where the province stands, and how many sectors do."""
    whole = report.overall
    month = phrases.month_name(report.month)
    if whole.index is None or whole.is_hidden:
        return (
            f"Kỳ {month} có {number(whole.finished)} hồ sơ hoàn thành nhưng chưa đủ phiếu"
            " trả lời để tính chỉ số hài lòng."
        )
    said = f"Chỉ số hài lòng toàn tỉnh {month} là {phrases.percentage(whole.index)}"
    low, high = phrases.percent(whole.low), phrases.percent(whole.high)
    name = phrases.interval_name(report.judging.confidence, is_draft=report.is_draft)
    said += f" ({name}: {low}–{high})"
    return f"{said}, {_against_target(whole)}. {_sectors(report)}"


def _against_target(figure: Figure) -> str:
    level = phrases.level(figure.target)
    words = {
        Status.MET: f"đạt mục tiêu {level}%",
        Status.NOT_MET: f"chưa đạt mục tiêu {level}%",
        Status.UNCERTAIN: f"chưa đủ căn cứ để kết luận so với mục tiêu {level}%",
        Status.FEW: f"số phiếu còn ít nên chưa đánh giá so với mục tiêu {level}%",
        Status.PROVISIONAL: f"là số tạm tính, chưa đánh giá so với mục tiêu {level}%",
    }
    return "chưa có mục tiêu được giao" if figure.target is None else words[figure.status]


def _sectors(report: Report) -> str:
    if report.is_draft:
        return "Kết luận theo từng lĩnh vực được xác định sau khi chốt kỳ."
    parts = [
        f"{len(found)} lĩnh vực {words}"
        for status, words in (
            (Status.MET, "đạt mục tiêu"),
            (Status.NOT_MET, "chưa đạt"),
            (Status.UNCERTAIN, "chưa rõ"),
            (Status.FEW, "ít mẫu"),
            (Status.HIDDEN, "không hiện số liệu"),
            (Status.NO_TARGET, "chưa giao mục tiêu"),
        )
        if (found := standing(report.sectors, status))
    ]
    if not parts:
        return "Chưa lĩnh vực nào đủ phiếu để đánh giá."
    return f"Trong {len(report.sectors)} lĩnh vực có hồ sơ: {phrases.listed(parts)}."


def tiles(report: Report) -> tuple[Tile, ...]:
    """The four figures of the first page, each with its target and the month before."""
    return (_index_tile(report), _sector_tile(report), _response_tile(report), _case_tile(report))


def _index_tile(report: Report) -> Tile:
    whole, before = report.overall, report.before
    shown = None if whole.is_hidden else whole.index
    lines = [f"Mục tiêu {phrases.level(whole.target)}"]
    if before:
        moved = phrases.change(shown, before.index)
        lines.append(f"{_last(before.month)}: {phrases.percent(before.index)} ({moved})")
    detail = f"n = {phrases.count(whole)}"
    if shown is not None:
        detail = f"({phrases.percent(whole.low)}–{phrases.percent(whole.high)}) · {detail}"
    return Tile(
        label="Chỉ số hài lòng",
        value=phrases.percent(shown),
        detail=detail,
        lines=tuple(lines),
        status=phrases.status(whole),
        sign=whole.status.value,
    )


def _sector_tile(report: Report) -> Tile:
    total, met, before = len(report.sectors), report.sectors_met, report.before
    words = {Status.NOT_MET: "chưa đạt", Status.UNCERTAIN: "chưa rõ", Status.FEW: "ít mẫu"}
    counted = [(len(standing(report.sectors, status)), word) for status, word in words.items()]
    detail = " · ".join(f"{found} {word}" for found, word in counted if found)
    lines = [f"Mục tiêu {total}/{total}"]
    if before:
        lines.append(f"{_last(before.month)}: {_of(before.sectors_met, before.sectors)}")
    return Tile(
        label="Lĩnh vực đạt mục tiêu",
        value=_of(met, total),
        detail="chờ chốt kỳ" if report.is_draft else detail,
        lines=tuple(lines),
    )


def _response_tile(report: Report) -> Tile:
    frame, before = report.frame, report.before
    lines = [f"{number(frame.invited)} lời mời đã gửi"]
    if before:
        moved = phrases.change(report.overall.response_rate, before.response_rate)
        lines.append(f"{_last(before.month)}: {phrases.percentage(before.response_rate)} ({moved})")
    rated, finished = phrases.count(report.overall), number(report.overall.finished)
    return Tile(
        label="Tỷ lệ trả lời",
        value=phrases.percentage(report.overall.response_rate),
        detail=f"{rated} phiếu / {finished} hồ sơ",
        lines=tuple(lines),
    )


def _case_tile(report: Report) -> Tile:
    total, before = report.cases.total, report.before
    lines = ["Mục tiêu 100%"]
    if total.ended_without_answer:
        lines.append(f"{total.ended_without_answer} kết thúc không trả lời")
    if before:
        lines.append(f"{_last(before.month)}: {phrases.percentage(before.cases_on_time)}")
    detail = f"{total.on_time}/{total.decided} phản ánh đến hạn"
    return Tile(
        label="Phản ánh được trả lời đúng hạn",
        value=phrases.percentage(total.on_time_share),
        detail=detail if total.decided else "không có phản ánh đến hạn",
        lines=tuple(lines),
    )


def _of(part: int | None, total: int) -> str:
    return NONE if part is None else f"{part}/{total}"


def _last(month: Month) -> str:
    return f"Tháng {month.number}"


def direction(report: Report) -> tuple[Point, ...]:
    """What leaders are asked to decide, gravest first; at most four points."""
    points = [
        _not_met(report),
        _barred(report),
        _overdue(report),
        _unanswered(report),
        _phones(report),
        _unsure(report),
    ]
    found = [point for point in points if point]
    none = Point("Không có nội dung cần chỉ đạo riêng.", "")
    return tuple(found[:MOST_POINTS]) or (none,)


def _not_met(report: Report) -> Point | None:
    found = standing(report.sectors, Status.NOT_MET)
    if not found:
        return None
    named = "; ".join(f"{one.label} {phrases.reading(one)}" for one in found[:MOST_NAMES])
    more = len(found) - MOST_NAMES
    named += f"; và {more} lĩnh vực khác tại mục 1" if more > 0 else ""
    return Point(
        f"{len(found)} lĩnh vực chưa đạt mục tiêu.",
        f"{named}. Đề nghị cơ quan quản lý ngành làm rõ nguyên nhân, báo cáo biện pháp khắc phục.",
    )


def _barred(report: Report) -> Point | None:
    agencies = list(dict.fromkeys(hit.agency for hit in report.rules))
    if not agencies:
        return None
    named = "; ".join(_bars_of(agency, report.rules) for agency in agencies[:MOST_NAMES])
    more = len(agencies) - MOST_NAMES
    named += f"; và {more} đơn vị khác tại mục 4" if more > 0 else ""
    if report.is_draft:
        return Point(
            f"{len(agencies)} đơn vị có nguy cơ không được xếp hạng tốt (tạm tính).",
            f"{named}. Đề nghị người đứng đầu chủ động khắc phục trước khi chốt kỳ.",
        )
    return Point(
        f"{len(agencies)} đơn vị chưa đủ điều kiện xếp hạng tốt.",
        f"{named}. Đề nghị người đứng đầu giải trình và có kế hoạch khắc phục.",
    )


def _bars_of(agency: str, rules: Sequence[RuleHit]) -> str:
    """An agency once, with every bar it is beyond."""
    bars = (
        f"{phrases.RULES.get(hit.rule, hit.rule).lower()} {phrases.percentage(hit.value)}"
        for hit in rules
        if hit.agency == agency
    )
    return f"{agency} ({', '.join(bars)})"


def _overdue(report: Report) -> Point | None:
    total = report.cases.total
    if not total.overdue:
        return None
    where = [line.label for line in report.cases.by_agency if line.overdue]
    named = _first_names(where, "đơn vị")
    return Point(
        f"{total.overdue} phản ánh đã quá hạn mà chưa được trả lời.",
        f"Thuộc {named}. Đề nghị trả lời bằng văn bản cho người dân ngay.",
    )


def _unanswered(report: Report) -> Point | None:
    total = report.cases.total
    if not total.ended_without_answer:
        return None
    counted = (
        (total.transferred, "chuyển cơ quan khác"),
        (total.unreachable, "không liên lạc được"),
    )
    named = phrases.listed([f"{number} {words}" for number, words in counted if number])
    return Point(
        f"{total.ended_without_answer} phản ánh kết thúc mà người dân không được trả lời.",
        f"{f'Trong đó {named}. ' if named else ''}Đề nghị đường dây nóng rà soát, trả lời người"
        " dân bằng văn bản.",
    )


def _phones(report: Report) -> Point | None:
    missing = sum(found for reason, found in report.not_invited if reason in NO_USABLE_PHONE)
    finished = report.frame.finished
    if not finished or missing / finished < MANY_WITHOUT_PHONE:
        return None
    return Point(
        f"{phrases.percentage(missing / finished)} hồ sơ không mời được người dân đánh giá.",
        f"{number(missing)} hồ sơ thiếu, sai số điện thoại hoặc chỉ có số cố định. Đề nghị"
        " bộ phận một cửa ghi đủ số di động của người nộp.",
    )


def _unsure(report: Report) -> Point | None:
    found = standing(report.sectors, Status.UNCERTAIN)
    if not found:
        return None
    named = _first_names([one.label for one in found], "lĩnh vực")
    return Point(
        f"{len(found)} lĩnh vực chưa đủ căn cứ kết luận.",
        f"{named}. Đề nghị tiếp tục vận động người dân trả lời khảo sát.",
    )


def _first_names(names: list[str], kind: str) -> str:
    """The first few names; the tables have them all."""
    more = len(names) - MOST_NAMES
    return phrases.listed(names if more <= 0 else [*names[:MOST_NAMES], f"{more} {kind} khác"])


def good(report: Report) -> tuple[Point, ...]:
    """What went well, as far as the figures prove it."""
    points = []
    if found := standing(report.sectors, Status.MET):
        names = _first_names([one.label for one in reversed(found)], "lĩnh vực")
        points.append(Point(f"{len(found)} lĩnh vực đạt mục tiêu:", f"{names}."))
    agencies = standing(report.agencies, Status.MET)
    if agencies:
        names = _first_names(sorted(one.label for one in agencies), "đơn vị")
        points.append(Point(f"{len(agencies)} đơn vị đạt mục tiêu:", f"{names}."))
    if report.cases.total.on_time_share == 1:
        points.append(Point("Mọi phản ánh đến hạn", "đều được trả lời bằng văn bản đúng hạn."))
    return tuple(points)

"""The tables of a report: columns, texts, and the numbers behind them."""

from collections.abc import Sequence

from survey.catalogues import _, gettext
from survey.formats import NONE, number
from survey.indices import LEAST_SHOWN, Figure, Status
from survey.reports import phrases
from survey.reports.document import Cell, Column, Kind, Table
from survey.reports.figures import (
    CaseLine,
    Correction,
    LateFigures,
    Reading,
    Report,
    RevisedLine,
    Revision,
    RuleHit,
)

SUPPRESSED_NOTE = _(
    "“–”: không hiện để bảo vệ người dân, vì dưới 5 phiếu trả lời hoặc vì từ tổng có thể suy ra một"
    " dòng dưới 5 phiếu."
)
BESIDE_NOTE = _(
    "Tỷ lệ thô chỉ chia số phiếu hài lòng cho số phiếu; chỉ số còn cân lại theo lĩnh vực, hình thức"
    " nộp và đúng hạn hay trễ hạn, vì người có hồ sơ trễ hạn trả lời ít hơn. Cột cuối gộp mọi đánh"
    " giá của các yếu tố theo cách tính SIPAS, trên phiếu đầy đủ; đó không phải chỉ số SIPAS."
)
REVISION_NOTE = _(
    "“–”: dưới 5 phiếu đến hoặc sửa sau khi chốt; không hiện số mới, vì hiệu hai bảng sẽ cho biết"
    " các phiếu ấy."
)
RANKING_NOTE = _(
    "Xếp hạng chính thức theo năm; bảng này căn cứ số liệu của tháng để cảnh báo sớm, không thay"
    " cho kết luận của cơ quan có thẩm quyền."
)
# Field of CaseLine → column heading. The deadline of the last ones may still be ahead.
CASE_COLUMNS = {
    "due": _("Đến hạn trong kỳ"),
    "on_time": _("Trả lời đúng hạn"),
    "late": _("Trả lời trễ hạn"),
    "overdue": _("Quá hạn, chưa trả lời"),
    "unanswered": _("Kết thúc, không trả lời"),
    "transferred": _("Chuyển cơ quan khác"),
    "unreachable": _("Không liên lạc được"),
    "waiting": _("Còn hạn"),
}
CASE_NOTE = _(
    "Chỉ tính là đúng hạn khi người dân được trả lời bằng văn bản trong hạn. Phản ánh kết thúc mà"
    " không trả lời, chuyển cơ quan khác hoặc không liên lạc được đứng ở cột riêng và không được"
    " tính là đúng hạn."
)
NEEDS_NOTE = _("Số phiếu cần thêm để kết luận về từng dòng “Chưa rõ” có trong tệp Excel.")
MOST_NEEDS = 7
# Some procedures have names of 900 characters; Excel shows them in full.
LONGEST_NAME = 150


def figure_table(title: str, first: str, figures: Sequence[Figure], report: Report) -> Table:
    """Index against target, one row per figure, the whole province on top."""
    columns = (
        Column("TT", 8, Kind.COUNT),
        Column(first, 40),
        Column(_index_head(report), 34, Kind.SHARE),
        Column(gettext("Điểm TB"), 12, Kind.MEAN),
        Column(gettext("Phiếu / hồ sơ"), 23, Kind.COUNT),
        Column(gettext("Trả lời (%)"), 13, Kind.SHARE),
        Column(gettext("Mục tiêu"), 12, Kind.LEVEL),
        Column(gettext("Đánh giá"), 23, Kind.STATUS),
    )
    rows = [_figure_row("", report.overall)]
    rows += [_figure_row(str(place), one) for place, one in enumerate(figures, 1)]
    return Table(title, columns, tuple(rows), strong=1, notes=_figure_notes(figures))


def _index_head(report: Report) -> str:
    name = phrases.interval_name(report.scoring.confidence, is_draft=report.is_draft)
    return gettext("Chỉ số (%(name)s)", name=name)


def _figure_row(place: str, one: Figure) -> tuple[Cell, ...]:
    suppressed = one.is_suppressed
    return (
        Cell(place),
        Cell(phrases.shortened(one.label, LONGEST_NAME)),
        Cell(phrases.interval(one), None if suppressed else one.index, Kind.SHARE),
        Cell(number(None if suppressed else one.mean, 2), None, Kind.MEAN),
        Cell(f"{phrases.count(one)} / {number(one.finished)}", None, Kind.COUNT),
        Cell(phrases.percent(None if suppressed else one.response_rate), None, Kind.SHARE),
        Cell(phrases.level(one.target), one.target, Kind.LEVEL),
        Cell(phrases.status(one), None, Kind.STATUS),
    )


def _figure_notes(figures: Sequence[Figure]) -> tuple[str, ...]:
    notes = []
    unsure = [one for one in figures if one.status is Status.UNCERTAIN and one.needed]
    if len(unsure) > MOST_NEEDS:
        notes.append(gettext(NEEDS_NOTE))
    elif unsure:
        needs = (
            gettext("%(label)s %(needed)s phiếu", label=one.label, needed=number(one.needed))
            for one in unsure
        )
        notes.append(gettext("Để kết luận, cần thêm khoảng: %(needs)s.", needs="; ".join(needs)))
    if any(one.is_suppressed for one in figures):
        notes.append(gettext(SUPPRESSED_NOTE))
    return tuple(notes)


def procedure_table(figures: Sequence[Figure], report: Report) -> Table:
    """The same for procedures; their long names get the width of two columns."""
    columns = (
        Column(gettext("Mã"), 18),
        Column(gettext("Thủ tục hành chính"), 57),
        Column(_index_head(report), 33, Kind.SHARE),
        Column(gettext("Phiếu / hồ sơ"), 23, Kind.COUNT),
        Column(gettext("Mục tiêu"), 11, Kind.LEVEL),
        Column(gettext("Đánh giá"), 23, Kind.STATUS),
    )
    rows = []
    for one in (report.overall, *figures):
        _, name, index, _, rated, _, target, scored = _figure_row("", one)
        code = "" if one is report.overall else one.key
        rows.append((Cell(code), name, index, rated, target, scored))
    title = gettext("Chỉ số theo thủ tục hành chính (%)")
    return Table(title, columns, tuple(rows), strong=1, notes=_figure_notes(figures))


def factor_table(report: Report) -> Table:
    """The factors of the full questionnaire."""
    columns = (
        Column(gettext("Yếu tố"), 70),
        Column(_index_head(report), 45, Kind.SHARE),
        Column(gettext("Điểm TB"), 25, Kind.MEAN),
        Column(gettext("Số phiếu"), 25, Kind.COUNT),
    )
    rows = tuple(
        (
            Cell(one.label),
            Cell(phrases.interval(one), None if one.is_suppressed else one.index, Kind.SHARE),
            Cell(number(None if one.is_suppressed else one.mean, 2), None, Kind.MEAN),
            Cell(phrases.count(one), None if one.is_suppressed else one.rated, Kind.COUNT),
        )
        for one in report.factors
    )
    return Table(gettext("Các yếu tố cấu thành (phiếu đầy đủ, toàn tỉnh)"), columns, rows)


def beside_table(report: Report) -> Table:
    """Other measures of the same ratings, labelled as such."""
    columns = (
        Column(gettext("Lĩnh vực"), 55),
        Column(gettext("Chỉ số"), 20, Kind.SHARE),
        Column(gettext("Tỷ lệ thô"), 20, Kind.SHARE),
        Column(gettext("Chênh lệch (điểm)"), 22, Kind.SHARE),
        Column(gettext("Điểm TB"), 18, Kind.MEAN),
        Column(gettext("Gộp các yếu tố, theo cách SIPAS"), 30, Kind.SHARE),
    )
    least = len(report.factors) * LEAST_SHOWN
    rows = tuple(_beside_row(one, least) for one in (report.overall, *report.sectors))
    return Table(
        gettext("Cùng số phiếu, các cách tính khác (%)"), columns, rows, 1, (gettext(BESIDE_NOTE),)
    )


def _beside_row(one: Figure, least: int) -> tuple[Cell, ...]:
    suppressed = one.is_suppressed
    index, raw, mean = (None,) * 3 if suppressed else (one.index, one.raw, one.mean)
    # Factors have their own number of ratings, mostly smaller.
    has_sipas = not suppressed and one.sipas_rated >= least
    sipas = one.sipas if has_sipas else None
    return (
        Cell(phrases.shortened(one.label, LONGEST_NAME)),
        Cell(phrases.percent(index), index, Kind.SHARE),
        Cell(phrases.percent(raw), raw, Kind.SHARE),
        Cell(phrases.change(index, raw)),
        Cell(number(mean, 2), mean, Kind.MEAN),
        Cell(phrases.percent(sipas), sipas, Kind.SHARE),
    )


def coverage_table(report: Report) -> Table:
    """Coverage: from finished dossiers to answers, with every reason for not inviting."""
    frame = report.frame
    columns = (
        Column(gettext("Nội dung"), 105),
        Column(gettext("Số hồ sơ"), 30, Kind.COUNT),
        Column(gettext("Tỷ lệ so với hồ sơ hoàn thành (%)"), 30, Kind.SHARE),
    )
    steps = [
        (gettext("Hồ sơ hoàn thành trong kỳ"), frame.finished),
        (gettext("Đã mời đánh giá"), frame.invited),
        (gettext("– trong đó tin nhắn đến được người dân"), frame.delivered),
        (gettext("– trong đó đã trả lời"), frame.answered),
        (gettext("Không mời đánh giá"), sum(found for _, found in report.not_invited)),
    ]
    steps += [
        (f"– {gettext(phrases.REASONS.get(why, why))}", found) for why, found in report.not_invited
    ]
    rows = tuple(
        (Cell(text), _counted(found), _share(found, frame.finished)) for text, found in steps
    )
    return Table(gettext("Từ hồ sơ đến phiếu trả lời"), columns, rows, strong=1)


def bounds_table(report: Report) -> Table:
    """Worst-case (Manski) bounds of the index, whatever those who did not answer would rate."""
    columns = (
        Column(gettext("Lĩnh vực"), 65),
        Column(gettext("Tỷ lệ trả lời (%)"), 30, Kind.SHARE),
        Column(gettext("Thấp nhất có thể"), 35, Kind.SHARE),
        Column(gettext("Cao nhất có thể"), 35, Kind.SHARE),
    )
    rows = tuple(_bounds_row(one) for one in (report.overall, *report.sectors))
    note = gettext(
        "Thấp nhất: coi mọi người chưa trả lời là không hài lòng; cao nhất: coi mọi người chưa trả"
        " lời là hài lòng. Không công thức nào thu hẹp được khoảng này ngoài việc có thêm phiếu."
    )
    return Table(
        gettext("Giới hạn của chỉ số khi kể cả người chưa trả lời (%)"), columns, rows, 1, (note,)
    )


def _bounds_row(one: Figure) -> tuple[Cell, ...]:
    shares = (one.response_rate, one.missing_low, one.missing_high)
    shown = [None if one.is_suppressed else share for share in shares]
    return (
        Cell(one.label),
        *(Cell(phrases.percent(each), each, Kind.SHARE) for each in shown),
    )


def late_table(late: Sequence[LateFigures]) -> Table:
    """Late dossiers by agency; only agencies that have any."""
    columns = (
        Column("TT", 10, Kind.COUNT),
        Column(gettext("Cơ quan, đơn vị"), 80),
        Column(gettext("Hồ sơ hoàn thành"), 25, Kind.COUNT),
        Column(gettext("Trễ hạn"), 20, Kind.COUNT),
        Column(gettext("Tỷ lệ trễ hạn (%)"), 30, Kind.SHARE),
    )
    finished, found = sum(one.finished for one in late), sum(one.late for one in late)
    total = _late_row("", gettext("Toàn tỉnh"), finished, found)
    rows = [
        _late_row(str(place), one.label, one.finished, one.late)
        for place, one in enumerate((one for one in late if one.late), 1)
    ]
    on_time = sum(not one.late for one in late)
    notes = (
        (gettext("%(on_time)s đơn vị khác không có hồ sơ trễ hạn.", on_time=on_time),)
        if on_time
        else ()
    )
    return Table(gettext("Hồ sơ trễ hạn theo cơ quan, đơn vị"), columns, (total, *rows), 1, notes)


def _late_row(place: str, label: str, finished: int, late: int) -> tuple[Cell, ...]:
    return (Cell(place), Cell(label), _counted(finished), _counted(late), _share(late, finished))


def rule_table(rules: Sequence[RuleHit], unproven: int) -> Table:
    """Agencies that cannot be rated "good", with text and source of each rule below."""
    columns = (
        Column("TT", 8, Kind.COUNT),
        Column(gettext("Cơ quan, đơn vị"), 67),
        Column(gettext("Nội dung"), 40),
        Column(gettext("Kết quả"), 20, Kind.SHARE),
        Column(gettext("Ngưỡng"), 30),
    )
    rows = tuple(
        (
            Cell(str(place)),
            Cell(hit.agency),
            Cell(gettext(phrases.RULES.get(hit.rule, hit.rule))),
            Cell(phrases.percentage(hit.value), hit.value, Kind.SHARE),
            Cell(
                gettext(phrases.OPERATORS.get(hit.operator, "{}")).format(
                    f"{phrases.level(hit.limit)}%"
                )
            ),
        )
        for place, hit in enumerate(rules, 1)
    )
    bases = dict.fromkeys(
        gettext(
            "Căn cứ: “%(quote)s” (%(source)s).", quote=hit.quote, source=phrases.source(hit.source)
        )
        for hit in rules
    )
    notes = (*bases, gettext(RANKING_NOTE), *((unproven_words(unproven),) if unproven else ()))
    return Table(gettext("Đơn vị chưa đủ điều kiện xếp hạng tốt"), columns, rows, 0, notes)


def unproven_words(found: int) -> str:
    """How many agencies violate a threshold with too few ratings as evidence."""
    return gettext(
        "Có %(found)s đơn vị có chỉ số chạm ngưỡng nhưng chưa đủ căn cứ (ít phiếu, "
        "hoặc khoảng tin cậy còn vượt ngưỡng) nên chưa kết luận.",
        found=found,
    )


def case_table(title: str, first: str, lines: Sequence[CaseLine], total: CaseLine) -> Table:
    """Cases by agency or by reason, the total on top."""
    columns = (
        Column(first, 45),
        *(Column(gettext(head), 15, Kind.COUNT) for head in CASE_COLUMNS.values()),
    )
    rows = tuple(
        (Cell(line.label), *(_counted(getattr(line, name)) for name in CASE_COLUMNS))
        for line in (total, *lines)
    )
    return Table(title, columns, rows, strong=1, notes=(gettext(CASE_NOTE),))


def correction_table(corrections: Sequence[Correction]) -> Table:
    """Changes by later files to dossiers already counted."""
    columns = (
        Column(gettext("Nội dung thay đổi"), 95),
        Column(gettext("Số hồ sơ"), 35, Kind.COUNT),
        Column(gettext("Số đơn vị"), 35, Kind.COUNT),
    )
    rows = tuple(
        (
            Cell(gettext(phrases.FIELDS.get(one.field, one.field))),
            _counted(one.dossiers),
            _counted(one.agencies),
        )
        for one in corrections
    )
    return Table(gettext("Thay đổi của hồ sơ sau khi đã được tính vào kỳ"), columns, rows)


def revision_table(revision: Revision) -> Table:
    """The previous month as closed and as it is now."""
    columns = (
        Column(gettext("Phạm vi"), 60),
        Column(gettext("Khi chốt: chỉ số, phiếu / hồ sơ"), 36, Kind.SHARE),
        Column(gettext("Nay: chỉ số, phiếu / hồ sơ"), 36, Kind.SHARE),
        Column(gettext("Thay đổi (điểm)"), 15, Kind.SHARE),
        Column(gettext("Phiếu đến hoặc sửa sau chốt"), 18, Kind.COUNT),
    )
    rows = tuple(_revised_row(line) for line in revision.lines)
    few = any(line.new is None for line in revision.lines)
    notes = (gettext(REVISION_NOTE),) if few else ()
    title = gettext(
        "%(month)s sau khi chốt (%%)", month=phrases.month_name(revision.month).capitalize()
    )
    return Table(title, columns, rows, 1, notes)


def _revised_row(line: RevisedLine) -> tuple[Cell, ...]:
    old, new = line.old, line.new
    moved = phrases.change(new.index, old.index) if old and new else NONE
    return (
        Cell(phrases.shortened(line.label, LONGEST_NAME)),
        Cell(_reading(old)),
        Cell(_reading(new)),
        Cell(moved),
        _counted(line.moved),
    )


def _reading(one: Reading | None) -> str:
    if one is None:
        return NONE
    rated, finished = number(one.rated), number(one.finished)
    return f"{phrases.percent(one.index)}, {rated} / {finished}"


def _counted(found: int) -> Cell:
    return Cell(number(found), found, Kind.COUNT)


def _share(part: int, whole: int) -> Cell:
    share = part / whole if whole else None
    return Cell(phrases.percent(share), share, Kind.SHARE)

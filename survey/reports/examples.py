"""Worked examples of the formula reference.

Their numbers are computed by the functions that score a month.
"""

from dataclasses import dataclass

import analysis
from analysis import headline
from survey.catalogues import _, gettext
from survey.formats import number
from survey.reports.phrases import percent, percentage

CONFIDENCE = 0.95
# One unit in one month, on time and late: satisfied, rated, finished.
CELLS = ([[36, 1]], [[40, 4]], [[80, 20]], [0, 1])
TARGET = (90, 100)
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: a table (first row: headings), then the calculation line by line."""

    rows: Rows
    sums: tuple[str, ...]


UNIT: Rows = (
    (_("Nhóm hồ sơ"), _("Hoàn thành"), _("Có phiếu"), _("Hài lòng")),
    (_("Đúng hạn"), "80", "40", "36"),
    (_("Trễ hạn"), "20", "4", "1"),
)


def _unit() -> Rows:
    """The unit's strata, with texts in the current language."""
    return tuple(tuple(gettext(cell) for cell in row) for row in UNIT)


def guarded() -> Example:
    """The index of a closed period, stratum by stratum (post-stratification)."""
    found = headline.headline_lines(*CELLS, CONFIDENCE)
    index, low, high = (float(one[0]) for one in (found.estimate, found.low, found.high))
    return Example(
        _unit(),
        (
            gettext("Đúng hạn: 36 ÷ 40 = 90,0%. Trễ hạn: 1 ÷ 4 = 25,0%."),
            gettext("Hồ sơ đúng hạn chiếm 80 ÷ 100, hồ sơ trễ hạn chiếm 20 ÷ 100."),
            gettext("Chỉ số = 90,0%% × 0,80 + 25,0%% × 0,20 = %(index)s.", index=percentage(index)),
            gettext("Khoảng tin cậy 95%%: %(low)s–%(high)s.", low=percent(low), high=percent(high)),
        ),
    )


def anytime() -> Example:
    """The index of an open period, and its wider interval (valid at any time)."""
    closed = headline.headline_lines(*CELLS, CONFIDENCE)
    found = headline.anytime_lines(*CELLS, CONFIDENCE)
    index, low, high = (float(one[0]) for one in (found.estimate, found.low, found.high))
    at_close = f"{percent(float(closed.low[0]))}–{percent(float(closed.high[0]))}"
    return Example(
        _unit(),
        (
            gettext(
                "Chỉ số tạm tính, cùng cách cộng như khi chốt: %(index)s.", index=percentage(index)
            ),
            gettext(
                "Khoảng tạm tính 95%%: %(low)s–%(high)s.", low=percent(low), high=percent(high)
            ),
            gettext(
                "Nếu kỳ được chốt với đúng các phiếu này: %(at_close)s, hẹp hơn vì chỉ xem một "
                "lần.",
                at_close=at_close,
            ),
        ),
    )


def raw() -> Example:
    """Satisfied answers divided by answers."""
    found = headline.headline_lines(*CELLS, CONFIDENCE)
    index = percentage(float(found.estimate[0]))
    return Example(
        _unit(),
        (
            gettext("Cộng mọi phiếu lại: 36 + 1 = 37 phiếu hài lòng trong 40 + 4 = 44 phiếu."),
            gettext("Tỷ lệ thô = 37 ÷ 44 = 84,1%."),
            (
                gettext(
                    "Chỉ số đã cân lại là %(index)s. Tỷ lệ thô cao hơn vì trong 20 người có hồ sơ "
                    "trễ hạn chỉ 4 người trả lời, tức là hồ sơ trễ hạn bị tính quá ít.",
                    index=index,
                )
            ),
        ),
    )


def mean() -> Example:
    """The mean of ratings."""
    points = sum(level * count for level, count in zip(range(1, 6), (4, 2, 5, 25, 14), strict=True))
    return Example(
        (
            (gettext("Mức"), "1", "2", "3", "4", "5"),
            (gettext("Số phiếu"), "4", "2", "5", "25", "14"),
        ),
        (
            gettext("Tổng điểm = 4×1 + 2×2 + 5×3 + 25×4 + 14×5 = %(points)s.", points=points),
            gettext(
                "Điểm trung bình = %(points)s ÷ 50 = %(mean)s trên 5.",
                points=points,
                mean=number(points / 50, 2),
            ),
        ),
    )


def sipas() -> Example:
    """The combination of five factors."""
    rated, satisfied = (20, 20, 19, 20, 16), (18, 15, 17, 18, 10)
    names = (
        gettext("Tiếp cận"),
        gettext("Thủ tục"),
        gettext("Công chức"),
        gettext("Kết quả"),
        gettext("Phản ánh, kiến nghị"),
    )
    rows = [(gettext("Yếu tố"), gettext("Đánh giá"), gettext("Hài lòng"))]
    rows += [(n, str(a), str(b)) for n, a, b in zip(names, rated, satisfied, strict=True)]
    share = percentage(sum(satisfied) / sum(rated))
    return Example(
        tuple(rows),
        (
            gettext(
                "Cộng các yếu tố: %(satisfied)s lượt hài lòng trong %(rated)s lượt đánh giá.",
                satisfied=sum(satisfied),
                rated=sum(rated),
            ),
            gettext(
                "Tỷ lệ gộp = %(satisfied)s ÷ %(rated)s = %(share)s.",
                satisfied=sum(satisfied),
                rated=sum(rated),
                share=share,
            ),
        ),
    )


def bounds() -> Example:
    """Worst-case (Manski) bounds for those who did not answer."""
    low, high = analysis.missing_bounds(37, 44, 100)
    return Example(
        _unit(),
        (
            gettext("Có 44 trong 100 hồ sơ được đánh giá: tỷ lệ trả lời 44,0%."),
            gettext(
                "Thấp nhất: coi 56 người im lặng đều không hài lòng, 37 ÷ 100 = %(low)s.",
                low=percentage(low),
            ),
            gettext(
                "Cao nhất: coi họ đều hài lòng, (37 + 56) ÷ 100 = %(high)s.", high=percentage(high)
            ),
        ),
    )


def verdict() -> Example:
    """The three verdicts against one target."""
    rows: list[tuple[str, ...]] = [
        (gettext("Phiếu hài lòng / phiếu / hồ sơ"), gettext("Khoảng"), gettext("Kết luận"))
    ]
    words = {
        "met": gettext("● Đạt"),
        "uncertain": gettext("◐ Chưa rõ"),
        "not_met": gettext("▼ Chưa đạt"),
    }
    needed = 0
    for y, n, total in ((193, 200, 1000), (184, 200, 1000), (160, 200, 1000)):
        values = headline.headline_verdicts([[y]], [[n]], [[total]], [0], TARGET, 0.975)
        limits = f"{percent(float(values.low[0]))}–{percent(float(values.high[0]))}"
        rows.append((f"{y} / {n} / {number(total)}", limits, words[str(values.verdict[0])]))
        needed = int(values.needed_n[0]) - n if values.verdict[0] == "uncertain" else needed
    return Example(
        tuple(rows),
        (
            gettext(
                "Mục tiêu 90%. Dòng đầu: cả khoảng nằm từ 90 trở lên. Dòng cuối: cả khoảng dưới 90."
            ),
            gettext(
                "Dòng giữa: 90 nằm trong khoảng; giữ tỷ lệ này thì cần thêm %(needed)s phiếu.",
                needed=number(needed),
            ),
        ),
    )


def floor() -> Example:
    """Units against a threshold."""
    rows: list[tuple[str, ...]] = [
        (
            gettext("Trễ hạn / hồ sơ"),
            gettext("Hài lòng / phiếu"),
            gettext("Khoảng"),
            gettext("Kết luận"),
        )
    ]
    words = {
        "below_floor": gettext("chạm ngưỡng chỉ số"),
        "uncertain": gettext("chưa đủ căn cứ"),
        "above_floor": gettext("không chạm ngưỡng"),
    }
    for y, n in ((130, 200), (156, 200), (176, 200)):
        cells = ([[y]], [[n]], [[1000]], [0])
        found = headline.headline_lines(*cells, CONFIDENCE)
        values = str(headline.floor_lines(*cells, (80, 100), 0.975)[0])
        limits = f"{percent(float(found.low[0]))}–{percent(float(found.high[0]))}"
        rows.append(("20 / 1.000", f"{y} / {n}", limits, words[values]))
    return Example(
        tuple(rows),
        (
            gettext(
                "Trễ hạn 20 ÷ 1.000 = 2,0%, dưới ngưỡng 5%. Tỷ lệ này đếm trên mọi hồ sơ nên"
                " không có khoảng tin cậy."
            ),
            gettext("Chỉ số chỉ bị coi là từ 80% trở xuống khi cả khoảng tin cậy từ 80 trở xuống."),
        ),
    )

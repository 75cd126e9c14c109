"""How evenly groups of dossiers answered (nonresponse), for the report and the analysis page."""

from analysis.nonresponse import Nonresponse
from survey.catalogues import _, gettext
from survey.formats import NONE, number
from survey.reports import phrases
from survey.reports.document import Cell, Column, Kind, Table

TITLE = _("Các nhóm hồ sơ trả lời đồng đều đến mức nào, toàn tỉnh")
# With a greater weight the index depends on few ratings.
HEAVY = 3
NOTE = _(
    "Nhóm hồ sơ: lĩnh vực, hình thức nộp, đúng hạn hay trễ hạn; nhóm ít phiếu được ghép như khi"
    " tính chỉ số, nên chỉ so được các kỳ có cách ghép giống nhau. Không thước đo nào ở đây cho"
    " biết trong mỗi nhóm người im lặng có nghĩ như người trả lời hay không."
)
EVEN = _("Bằng 1 khi mọi nhóm trả lời với tỷ lệ như nhau; càng thấp thì các nhóm càng chênh lệch.")
WEIGHT = _("Một phiếu của nhóm ít trả lời nhất được tính bằng bấy nhiêu phiếu trung bình.")
CAUTION = _("Quá 3 lần: chỉ số dựa nhiều vào ít phiếu, cần thận trọng.")
MOVED = _(
    "Phần điều chỉnh do tính theo số hồ sơ, không theo số phiếu (tỷ lệ thô %(raw)s%%); dấu trừ: "
    "nhóm hài lòng hơn đã trả lời nhiều hơn."
)
Row = tuple[str, Cell, str]


def rows(found: Nonresponse) -> tuple[Row, ...]:
    """Measure, figure and its interpretation; a dash where a group has no rating."""
    even, ratio, shift = found.r_indicator, found.worst_weight_ratio, found.shift
    weight = gettext(WEIGHT)
    if ratio is not None and ratio > HEAVY:
        weight += " " + gettext(CAUTION)
    moved = NONE if shift is None else phrases.points(shift)
    raw = phrases.percent(found.raw_index)
    return (
        (gettext("Chỉ số đại diện (R)"), Cell(number(even, 2), even, Kind.MEAN), gettext(EVEN)),
        (gettext("Trọng số lớn nhất (lần)"), Cell(number(ratio, 2), ratio, Kind.MEAN), weight),
        (
            gettext("Chỉ số trừ tỷ lệ thô (điểm)"),
            Cell(moved, shift, Kind.SHARE),
            gettext(MOVED, raw=raw),
        ),
    )


def table(found: Nonresponse) -> Table:
    """The measures as a table of the report."""
    columns = (
        Column(gettext("Thước đo"), 45),
        Column(gettext("Giá trị"), 20, Kind.MEAN),
        Column(gettext("Cách đọc"), 100),
    )
    lines = tuple((Cell(name), cell, Cell(reading)) for name, cell, reading in rows(found))
    return Table(gettext(TITLE), columns, lines, notes=(gettext(NOTE),))

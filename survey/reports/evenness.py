"""How evenly the kinds of dossiers answered, in words: for the report and the page of analysis."""

from analysis.nonresponse import Nonresponse
from survey.formats import NONE, number
from survey.reports import phrases
from survey.reports.document import Cell, Column, Kind, Table

TITLE = "Các nhóm hồ sơ trả lời đồng đều đến mức nào, toàn tỉnh"
# Beyond it the index leans on few ratings.
HEAVY = 3
NOTE = (
    "Nhóm hồ sơ: lĩnh vực, hình thức nộp, đúng hạn hay trễ hạn; nhóm ít phiếu được ghép như khi"
    " tính chỉ số, nên chỉ so được các kỳ có cách ghép giống nhau. Không thước đo nào ở đây cho"
    " biết trong mỗi nhóm người im lặng có nghĩ như người trả lời hay không."
)
EVEN = "Bằng 1 khi mọi nhóm trả lời với tỷ lệ như nhau; càng thấp thì các nhóm càng chênh lệch."
WEIGHT = "Một phiếu của nhóm ít trả lời nhất được tính bằng bấy nhiêu phiếu trung bình."
CAUTION = " Quá 3 lần: chỉ số dựa nhiều vào ít phiếu, cần thận trọng."
MOVED = (
    "Phần điều chỉnh do tính theo số hồ sơ, không theo số phiếu (tỷ lệ thô {raw}%); dấu trừ: nhóm"
    " hài lòng hơn đã trả lời nhiều hơn."
)
Row = tuple[str, Cell, str]


def rows(found: Nonresponse) -> tuple[Row, ...]:
    """Measure, figure and how to read it; a dash where a group has no rating at all."""
    even, ratio, shift = found.r_indicator, found.worst_weight_ratio, found.shift
    weight = WEIGHT + (CAUTION if ratio is not None and ratio > HEAVY else "")
    moved = NONE if shift is None else phrases.points(shift)
    raw = phrases.percent(found.raw_index)
    return (
        ("Chỉ số đại diện (R)", Cell(number(even, 2), even, Kind.MEAN), EVEN),
        ("Trọng số lớn nhất (lần)", Cell(number(ratio, 2), ratio, Kind.MEAN), weight),
        ("Chỉ số trừ tỷ lệ thô (điểm)", Cell(moved, shift, Kind.SHARE), MOVED.format(raw=raw)),
    )


def table(found: Nonresponse) -> Table:
    """The measures as they stand in a report."""
    columns = (Column("Thước đo", 45), Column("Giá trị", 20, Kind.MEAN), Column("Cách đọc", 100))
    lines = tuple((Cell(name), cell, Cell(reading)) for name, cell, reading in rows(found))
    return Table(TITLE, columns, lines, notes=(NOTE,))

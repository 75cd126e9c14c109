"""Index cards: each formula by name and version, in words a clerk understands, with an example.

The numbers of the examples are computed by the very functions that judge a month.
"""

from collections.abc import Callable
from dataclasses import dataclass

import analysis
from analysis import headline
from survey.errors import NotFound
from survey.formats import number
from survey.reports.phrases import percent, percentage

CONFIDENCE = 0.95
# One unit in one month, on time and late: satisfied, rated, finished.
CELLS = ([[36, 1]], [[40, 4]], [[80, 20]], [0, 1])
TARGET = (90, 100)
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: a table (first row: headings), then the sums line by line."""

    rows: Rows
    sums: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One formula. `name`/`version` stand in snapshots and reports; `formula` is for analysts."""

    name: str
    version: int
    title: str
    asks: str
    steps: tuple[str, ...]
    example: Callable[[], Example]
    limits: tuple[str, ...]
    formula: str
    source: str


def card(name: str) -> Card:
    """The card of a formula; NotFound `no_card`."""
    found = next((one for one in CARDS if one.name == name), None)
    if found is None:
        raise NotFound("no_card", name[:60])
    return found


UNIT: Rows = (
    ("Nhóm hồ sơ", "Hoàn thành", "Có phiếu", "Hài lòng"),
    ("Đúng hạn", "80", "40", "36"),
    ("Trễ hạn", "20", "4", "1"),
)


def _guarded() -> Example:
    found = headline.headline_lines(*CELLS, CONFIDENCE)
    index, low, high = (float(one[0]) for one in (found.estimate, found.low, found.high))
    return Example(
        UNIT,
        (
            "Đúng hạn: 36 ÷ 40 = 90,0%. Trễ hạn: 1 ÷ 4 = 25,0%.",
            "Hồ sơ đúng hạn chiếm 80 ÷ 100, hồ sơ trễ hạn chiếm 20 ÷ 100.",
            f"Chỉ số = 90,0% × 0,80 + 25,0% × 0,20 = {percentage(index)}.",
            f"Khoảng tin cậy 95%: {percent(low)}–{percent(high)}.",
        ),
    )


def _anytime() -> Example:
    closed = headline.headline_lines(*CELLS, CONFIDENCE)
    found = headline.anytime_lines(*CELLS, CONFIDENCE)
    index, low, high = (float(one[0]) for one in (found.estimate, found.low, found.high))
    at_close = f"{percent(float(closed.low[0]))}–{percent(float(closed.high[0]))}"
    return Example(
        UNIT,
        (
            f"Chỉ số tạm tính, cùng cách cộng như khi chốt: {percentage(index)}.",
            f"Khoảng tạm tính 95%: {percent(low)}–{percent(high)}.",
            f"Nếu kỳ được chốt với đúng các phiếu này: {at_close}, hẹp hơn vì chỉ xem một lần.",
        ),
    )


def _raw() -> Example:
    found = headline.headline_lines(*CELLS, CONFIDENCE)
    index = percentage(float(found.estimate[0]))
    return Example(
        UNIT,
        (
            "Cộng mọi phiếu lại: 36 + 1 = 37 phiếu hài lòng trong 40 + 4 = 44 phiếu.",
            "Tỷ lệ thô = 37 ÷ 44 = 84,1%.",
            (
                f"Chỉ số đã cân lại là {index}. Tỷ lệ thô cao hơn vì trong 20 người có hồ sơ"
                " trễ hạn chỉ 4 người trả lời, tức là hồ sơ trễ hạn bị tính quá ít."
            ),
        ),
    )


def _mean() -> Example:
    points = sum(level * count for level, count in zip(range(1, 6), (4, 2, 5, 25, 14), strict=True))
    return Example(
        (("Mức", "1", "2", "3", "4", "5"), ("Số phiếu", "4", "2", "5", "25", "14")),
        (
            f"Tổng điểm = 4×1 + 2×2 + 5×3 + 25×4 + 14×5 = {points}.",
            f"Điểm trung bình = {points} ÷ 50 = {number(points / 50, 2)} trên 5.",
        ),
    )


def _sipas() -> Example:
    rated, satisfied = (20, 20, 19, 20, 16), (18, 15, 17, 18, 10)
    names = ("Tiếp cận", "Thủ tục", "Công chức", "Kết quả", "Phản ánh, kiến nghị")
    rows = [("Yếu tố", "Đánh giá", "Hài lòng")]
    rows += [(n, str(a), str(b)) for n, a, b in zip(names, rated, satisfied, strict=True)]
    share = percentage(sum(satisfied) / sum(rated))
    return Example(
        tuple(rows),
        (
            f"Cộng năm yếu tố: {sum(satisfied)} lượt hài lòng trong {sum(rated)} lượt đánh giá.",
            f"Tỷ lệ gộp = {sum(satisfied)} ÷ {sum(rated)} = {share}.",
        ),
    )


def _bounds() -> Example:
    low, high = analysis.missing_bounds(37, 44, 100)
    return Example(
        UNIT,
        (
            "Có 44 trong 100 hồ sơ được đánh giá: tỷ lệ trả lời 44,0%.",
            f"Thấp nhất: coi 56 người im lặng đều không hài lòng, 37 ÷ 100 = {percentage(low)}.",
            f"Cao nhất: coi họ đều hài lòng, (37 + 56) ÷ 100 = {percentage(high)}.",
        ),
    )


def _verdict() -> Example:
    rows: list[tuple[str, ...]] = [("Phiếu hài lòng / phiếu / hồ sơ", "Khoảng", "Kết luận")]
    words = {"met": "● Đạt", "uncertain": "◐ Chưa rõ", "not_met": "▼ Chưa đạt"}
    needed = 0
    for y, n, total in ((193, 200, 1000), (184, 200, 1000), (160, 200, 1000)):
        told = headline.headline_verdicts([[y]], [[n]], [[total]], [0], TARGET, 0.975)
        limits = f"{percent(float(told.low[0]))}–{percent(float(told.high[0]))}"
        rows.append((f"{y} / {n} / {number(total)}", limits, words[str(told.verdict[0])]))
        needed = int(told.needed_n[0]) - n if told.verdict[0] == "uncertain" else needed
    return Example(
        tuple(rows),
        (
            "Mục tiêu 90%. Dòng đầu: cả khoảng nằm từ 90 trở lên. Dòng cuối: cả khoảng dưới 90.",
            f"Dòng giữa: 90 nằm trong khoảng; giữ tỷ lệ này thì cần thêm {number(needed)} phiếu.",
        ),
    )


def _floor() -> Example:
    rows: list[tuple[str, ...]] = [("Trễ hạn / hồ sơ", "Hài lòng / phiếu", "Khoảng", "Kết luận")]
    words = {
        "below_floor": "chạm ngưỡng chỉ số",
        "uncertain": "chưa đủ căn cứ",
        "above_floor": "không chạm ngưỡng",
    }
    for y, n in ((130, 200), (156, 200), (176, 200)):
        cells = ([[y]], [[n]], [[1000]], [0])
        found = headline.headline_lines(*cells, CONFIDENCE)
        told = str(headline.floor_lines(*cells, (80, 100), 0.975)[0])
        limits = f"{percent(float(found.low[0]))}–{percent(float(found.high[0]))}"
        rows.append(("20 / 1.000", f"{y} / {n}", limits, words[told]))
    return Example(
        tuple(rows),
        (
            (
                "Trễ hạn 20 ÷ 1.000 = 2,0%, dưới ngưỡng 5%. Tỷ lệ này đếm trên mọi hồ sơ nên"
                " không có khoảng tin cậy."
            ),
            "Chỉ số chỉ bị coi là từ 80% trở xuống khi cả khoảng tin cậy từ 80 trở xuống.",
        ),
    )


def _wilson() -> Example:
    found = analysis.wilson_fpc(37, 44, 100, CONFIDENCE)
    return Example(
        UNIT,
        (
            "Chỉ số = 37 ÷ 44 = 84,1%, không cân lại theo nhóm.",
            f"Khoảng tin cậy 95%: {percent(found.low)}–{percent(found.high)}.",
        ),
    )


CARDS: tuple[Card, ...] = (
    Card(
        "post-stratified-guarded",
        1,
        "Chỉ số hài lòng của kỳ đã chốt",
        "Trong tất cả hồ sơ hoàn thành của kỳ, bao nhiêu phần trăm người nộp hài lòng?",
        (
            "Xếp hồ sơ thành nhóm theo lĩnh vực, hình thức nộp, và đúng hạn hay trễ hạn.",
            "Trong mỗi nhóm, lấy số phiếu “Hài lòng” và “Rất hài lòng” chia cho số phiếu của nhóm.",
            (
                "Nhân tỷ lệ của mỗi nhóm với phần hồ sơ của nhóm trong tổng số, rồi cộng lại."
                " Như vậy nhóm ít trả lời vẫn được tính đúng phần của mình."
            ),
            (
                "Nhóm dưới 10 phiếu được ghép với nhóm khác cùng đúng hạn hoặc cùng trễ hạn, để"
                " vài phiếu không quyết định thay cho cả nhóm."
            ),
            (
                "Khoảng tin cậy cho biết chỉ số của toàn bộ hồ sơ nằm trong khoảng nào, vì không"
                " phải ai cũng trả lời. Càng nhiều phiếu, khoảng càng hẹp; mọi người đều trả lời"
                " thì khoảng chỉ còn một điểm."
            ),
        ),
        _guarded,
        (
            (
                "Không sửa được việc người bất mãn im lặng trong cùng một nhóm; hãy xem thêm"
                " giới hạn khi kể cả người chưa trả lời."
            ),
            "Không phải chỉ số SIPAS do Bộ Nội vụ công bố và không so trực tiếp với chỉ số ấy.",
            "Hai đơn vị có khoảng chồng lên nhau thì chưa đủ căn cứ để nói bên nào hơn.",
        ),
        "p = Σ W_h y_h/n_h, W_h = N_h/N trên các nhóm lĩnh vực × hình thức nộp × đúng hay trễ hạn"
        " (n_h < 10 thì ghép trong cùng đúng hạn hay cùng trễ hạn).\nv = Σ W_h² (1 − n_h/N_h)"
        " s²_h/n_h, s²_h = max(n_h/(n_h−1) p_h(1−p_h), p̃_h(1−p̃_h)), p̃_h = (y_h+1)/(n_h+2).\n"
        "n_eff = max(p(1−p)/v, min(n_Kish, q(1−q)/v)), q = Σ W_h p̃_h; giới hạn: Wilson trên"
        " n_eff với t(n − H).\n"
        "Một nhóm: Wilson có hiệu chỉnh tổng thể hữu hạn. n = N: còn một điểm.",
        "Franco, Little, Louis, Slud (2019), JSSAM 7, 334–364; phần làm thận trọng thêm là của"
        " chúng tôi, kiểm bằng mô phỏng: analysis/poststratify.py.",
    ),
    Card(
        "post-stratified-anytime",
        1,
        "Chỉ số tạm tính của kỳ còn mở",
        "Khi phiếu còn đang về, chỉ số đang ở đâu, dù ai xem lúc nào?",
        (
            "Chỉ số được cộng giống hệt như khi chốt kỳ.",
            (
                "Khoảng rộng hơn khi chốt. Người xem mỗi ngày sẽ có lúc gặp số may hoặc rủi;"
                " khoảng này được làm rộng để vẫn đúng dù xem bao nhiêu lần."
            ),
            "Kỳ còn mở thì không kết luận đạt hay chưa đạt.",
        ),
        _anytime,
        (
            "Không dùng để xếp loại, khen hay phê bình: hãy đợi ngày 15 tháng sau.",
            "Hồ sơ của tháng còn đang hoàn thành nên số hồ sơ cũng còn đổi.",
        ),
        "Dãy tin cậy khi chọn mẫu không hoàn lại: giữ M chừng nào (n+1)·P(y | n, M, N) > α (tiên"
        " nghiệm đều).\nNhiều nhóm: trên n′ = m·N/(N−1+m), m là cỡ mẫu hiệu dụng đã làm thận"
        " trọng, n′ ≤ n, y′ = p·n′ làm tròn ra ngoài.",
        "Waudby-Smith, Ramdas (2020), NeurIPS 33: analysis/anytime.py.",
    ),
    Card(
        "raw-share",
        1,
        "Tỷ lệ thô",
        "Trong số phiếu đã nhận, bao nhiêu phần trăm là hài lòng?",
        ("Lấy số phiếu “Hài lòng” và “Rất hài lòng” chia cho tổng số phiếu.",),
        _raw,
        (
            (
                "Chỉ nói về người đã trả lời. Nhóm trả lời nhiều át nhóm trả lời ít; người có hồ"
                " sơ trễ hạn thường trả lời ít nên tỷ lệ thô hay cao hơn thực tế."
            ),
        ),
        "tỷ lệ thô = Σ y_h / Σ n_h",
        "Đặt cạnh chỉ số để ai cũng kiểm lại được phép chia.",
    ),
    Card(
        "mean-score",
        1,
        "Điểm trung bình",
        "Trung bình người dân cho mấy điểm, từ 1 đến 5?",
        ("Cộng điểm của mọi phiếu rồi chia cho số phiếu. Đứng cạnh chỉ số, không thay chỉ số.",),
        _mean,
        ("Cùng một điểm trung bình có thể là mọi người đều cho 3, hoặc nửa cho 1, nửa cho 5.",),
        "điểm trung bình = Σ k·n_k / Σ n_k, k = 1…5",
        "Không có mục tiêu nào đặt theo điểm trung bình.",
    ),
    Card(
        "sipas-style",
        1,
        "Gộp năm yếu tố, theo cách SIPAS",
        "Nếu tính theo cách của SIPAS trên phiếu đầy đủ thì được bao nhiêu?",
        (
            (
                "Phiếu đầy đủ hỏi năm yếu tố: tiếp cận dịch vụ, thủ tục, công chức, kết quả,"
                " việc tiếp nhận và xử lý phản ánh, kiến nghị."
            ),
            "Cộng mọi lượt đánh giá 4 và 5 của cả năm yếu tố, chia cho mọi lượt đánh giá.",
        ),
        _sipas,
        (
            "Đây không phải chỉ số SIPAS: mẫu phiếu và cách chọn người trả lời khác nhau.",
            "Chỉ một phần người dân nhận phiếu đầy đủ nên con số này dao động nhiều hơn.",
        ),
        "tỷ lệ gộp = Σ_f Σ y_f / Σ_f Σ n_f trên năm yếu tố f",
        "Quyết định 1001/QĐ-BNV năm 2023 (cách tính tỷ lệ mức 4, 5).",
    ),
    Card(
        "missing-bounds",
        1,
        "Tỷ lệ trả lời và giới hạn khi kể cả người chưa trả lời",
        "Người im lặng có thể làm chỉ số thay đổi nhiều nhất đến đâu?",
        (
            "Tỷ lệ trả lời: số phiếu chia cho số hồ sơ hoàn thành.",
            "Thấp nhất: coi mọi người im lặng đều không hài lòng. Cao nhất: coi họ đều hài lòng.",
        ),
        _bounds,
        (
            "Đây là trường hợp xấu nhất và tốt nhất, không phải điều có khả năng xảy ra nhất.",
            "Không công thức nào thu hẹp được hai giới hạn này, chỉ có thêm phiếu.",
        ),
        "tỷ lệ trả lời = n/N; thấp nhất = y/N; cao nhất = (y + N − n)/N",
        "Manski (2003), Partial Identification of Probability Distributions.",
    ),
    Card(
        "verdict",
        1,
        "Kết luận: Đạt, Chưa rõ, Chưa đạt",
        "Có đủ căn cứ để nói mục tiêu đã đạt hay chưa đạt không?",
        (
            (
                "Đạt: cả khoảng tin cậy từ mục tiêu trở lên. Chưa đạt: cả khoảng dưới mục tiêu."
                " Còn lại là Chưa rõ, kèm số phiếu cần thêm."
            ),
            (
                "Dưới số phiếu tối thiểu của tỉnh (ban đầu là 30) thì không kết luận: Ít mẫu; trừ"
                " khi mọi hồ sơ đều có phiếu."
            ),
            (
                "Đủ số phiếu rồi mà người chưa trả lời nói gì cũng không đổi được kết quả thì kết"
                " luận ngay."
            ),
            "Kết luận một lần, khi chốt kỳ. Phiếu đến sau không đổi kết luận đã chốt.",
        ),
        _verdict,
        ("Chưa rõ không phải là kém, cũng không phải là đạt: chỉ là chưa đủ phiếu.",),
        "Giới hạn một phía ở mức (1 + c)/2, c là độ tin cậy của tỉnh (0,95): đạt khi L ≥ T, chưa"
        " đạt khi U < T.\nTrên số nguyên: chắc chắn đạt khi y ≥ T·N; không thể đạt khi"
        " y + N − n < T·N.",
        "Mục tiêu và văn bản nguồn ghi dưới mỗi chỉ số; độ tin cậy và số phiếu tối thiểu nằm trong"
        " Thiết lập của tỉnh.",
    ),
    Card(
        "rating-floor",
        1,
        "Ngưỡng không được xếp hạng tốt",
        "Đơn vị nào chạm ngưỡng mà văn bản của tỉnh quy định?",
        (
            "Trễ hạn: đếm trên mọi hồ sơ hoàn thành; từ ngưỡng trở lên là chạm.",
            "Chỉ số: chạm khi cả khoảng tin cậy từ ngưỡng trở xuống và có đủ số phiếu tối thiểu.",
            (
                "Chỉ số ở dưới ngưỡng mà khoảng còn vượt qua ngưỡng, hoặc ít phiếu: “chưa đủ căn"
                " cứ”, chỉ đếm, không nêu tên."
            ),
        ),
        _floor,
        ("Xếp hạng chính thức theo năm; bảng tháng chỉ để cảnh báo sớm.",),
        "trễ hạn: số hồ sơ trễ/N ≥ ngưỡng, so trên số nguyên.\n"
        "chỉ số: chạm khi U ≤ ngưỡng, không chạm khi L > ngưỡng, còn lại chưa đủ căn cứ.",
        "Kết luận năm 2022 của Ban Thường vụ Tỉnh ủy Khánh Hòa, mục II.8; ngưỡng là dữ liệu, mỗi"
        " tỉnh và mỗi thời kỳ một khác.",
    ),
)

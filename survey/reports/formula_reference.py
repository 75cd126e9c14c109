"""Formula reference: each formula by name and version, in plain words, with a worked example."""

from collections.abc import Callable
from dataclasses import dataclass

from survey.catalogues import _
from survey.errors import NotFound
from survey.reports import examples
from survey.reports.examples import Example


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula. Snapshots and reports store `name` and `version`; `formula` is for analysts."""

    name: str
    version: int
    title: str
    asks: str
    steps: tuple[str, ...]
    example: Callable[[], Example]
    limits: tuple[str, ...]
    formula: str
    source: str


def formula(name: str) -> Formula:
    """The formula with this name; NotFound `no_card`."""
    found = next((one for one in FORMULAS if one.name == name), None)
    if found is None:
        raise NotFound("no_card", name[:60])
    return found


FORMULAS: tuple[Formula, ...] = (
    Formula(
        "post-stratified-guarded",
        1,
        _("Chỉ số hài lòng của kỳ đã chốt"),
        _("Trong tất cả hồ sơ hoàn thành của kỳ, bao nhiêu phần trăm người nộp hài lòng?"),
        (
            _("Xếp hồ sơ thành nhóm theo lĩnh vực, hình thức nộp, và đúng hạn hay trễ hạn."),
            _(
                "Trong mỗi nhóm, lấy số phiếu “Hài lòng” và “Rất hài lòng” chia cho số phiếu của "
                "nhóm."
            ),
            _(
                "Nhân tỷ lệ của mỗi nhóm với phần hồ sơ của nhóm trong tổng số, rồi cộng lại."
                " Như vậy nhóm ít trả lời vẫn được tính đúng phần của mình."
            ),
            _(
                "Nhóm dưới 10 phiếu được ghép với nhóm khác cùng đúng hạn hoặc cùng trễ hạn, để"
                " vài phiếu không quyết định thay cho cả nhóm."
            ),
            _(
                "Khoảng tin cậy cho biết chỉ số của toàn bộ hồ sơ nằm trong khoảng nào, vì "
                "không phải ai cũng trả lời. Càng nhiều phiếu, khoảng càng hẹp; mọi người đều "
                "trả lời thì khoảng chỉ còn một điểm."
            ),
        ),
        examples.guarded,
        (
            _(
                "Không sửa được việc người bất mãn im lặng trong cùng một nhóm; hãy xem thêm"
                " giới hạn khi kể cả người chưa trả lời."
            ),
            _("Không phải chỉ số SIPAS do Bộ Nội vụ công bố và không so trực tiếp với chỉ số ấy."),
            _("Hai đơn vị có khoảng chồng lên nhau thì chưa đủ căn cứ để nói bên nào hơn."),
        ),
        _(
            "p = Σ W_h y_h/n_h, W_h = N_h/N trên các nhóm lĩnh vực × hình thức nộp × đúng hay trễ "
            "hạn (n_h < 10 thì ghép trong cùng đúng hạn hay cùng trễ hạn).\nv = Σ W_h² (1 − "
            "n_h/N_h) s²_h/n_h, s²_h = max(n_h/(n_h−1) p_h(1−p_h), p̃_h(1−p̃_h)), p̃_h = "
            "(y_h+1)/(n_h+2).\nn_eff = max(p(1−p)/v, min(n_Kish, q(1−q)/v)), q = Σ W_h p̃_h; giới "
            "hạn: Wilson trên n_eff với t(n − H).\nMột nhóm: Wilson có hiệu chỉnh tổng thể hữu "
            "hạn. n = N: còn một điểm."
        ),
        _(
            "Franco, Little, Louis, Slud (2019), JSSAM 7, 334–364; phần làm thận trọng thêm là của"
            " chúng tôi, kiểm bằng mô phỏng: analysis/poststratify.py."
        ),
    ),
    Formula(
        "post-stratified-anytime",
        1,
        _("Chỉ số tạm tính của kỳ còn mở"),
        _("Khi phiếu còn đang về, chỉ số đang ở đâu, dù ai xem lúc nào?"),
        (
            _("Chỉ số được cộng giống hệt như khi chốt kỳ."),
            _(
                "Khoảng rộng hơn khi chốt. Người xem mỗi ngày sẽ có lúc gặp số may hoặc rủi;"
                " khoảng này được làm rộng để vẫn đúng dù xem bao nhiêu lần."
            ),
            _("Kỳ còn mở thì không kết luận đạt hay chưa đạt."),
        ),
        examples.anytime,
        (
            _("Không dùng để xếp loại, khen hay phê bình: hãy đợi ngày 15 tháng sau."),
            _("Hồ sơ của tháng còn đang hoàn thành nên số hồ sơ cũng còn đổi."),
        ),
        _(
            "Dãy tin cậy khi chọn mẫu không hoàn lại: giữ M chừng nào (n+1)·P(y | n, M, N) > α "
            "(tiên nghiệm đều).\nNhiều nhóm: trên n′ = m·N/(N−1+m), m là cỡ mẫu hiệu dụng đã làm "
            "thận trọng, n′ ≤ n, y′ = p·n′ làm tròn ra ngoài."
        ),
        "Waudby-Smith, Ramdas (2020), NeurIPS 33: analysis/anytime.py.",
    ),
    Formula(
        "raw-share",
        1,
        _("Tỷ lệ thô"),
        _("Trong số phiếu đã nhận, bao nhiêu phần trăm là hài lòng?"),
        (_("Lấy số phiếu “Hài lòng” và “Rất hài lòng” chia cho tổng số phiếu."),),
        examples.raw,
        (
            _(
                "Chỉ nói về người đã trả lời. Nhóm trả lời nhiều át nhóm trả lời ít; người có "
                "hồ sơ trễ hạn thường trả lời ít nên tỷ lệ thô hay cao hơn thực tế."
            ),
        ),
        _("tỷ lệ thô = Σ y_h / Σ n_h"),
        _("Đặt cạnh chỉ số để ai cũng kiểm lại được phép chia."),
    ),
    Formula(
        "mean-score",
        1,
        _("Điểm trung bình"),
        _("Trung bình người dân cho mấy điểm, từ 1 đến 5?"),
        (_("Cộng điểm của mọi phiếu rồi chia cho số phiếu. Đứng cạnh chỉ số, không thay chỉ số."),),
        examples.mean,
        (_("Cùng một điểm trung bình có thể là mọi người đều cho 3, hoặc nửa cho 1, nửa cho 5."),),
        _("điểm trung bình = Σ k·n_k / Σ n_k, k = 1…5"),
        _("Không có mục tiêu nào đặt theo điểm trung bình."),
    ),
    Formula(
        "sipas-style",
        1,
        _("Gộp các yếu tố, theo cách SIPAS"),
        _("Nếu tính theo cách của SIPAS trên phiếu đầy đủ thì được bao nhiêu?"),
        (
            _(
                "Phiếu đầy đủ hỏi riêng từng yếu tố của dịch vụ, như tiếp cận dịch vụ, thủ tục hay"
                " công chức."
            ),
            _("Cộng mọi lượt đánh giá 4 và 5 của tất cả các yếu tố, chia cho mọi lượt đánh giá."),
        ),
        examples.sipas,
        (
            _("Đây không phải chỉ số SIPAS: mẫu phiếu và cách chọn người trả lời khác nhau."),
            _("Chỉ một phần người dân nhận phiếu đầy đủ nên con số này dao động nhiều hơn."),
        ),
        _("tỷ lệ gộp = Σ_f Σ y_f / Σ_f Σ n_f trên các yếu tố f"),
        _("Quyết định 1001/QĐ-BNV năm 2023 (cách tính tỷ lệ mức 4, 5)."),
    ),
    Formula(
        "missing-bounds",
        1,
        _("Tỷ lệ trả lời và giới hạn khi kể cả người chưa trả lời"),
        _("Người im lặng có thể làm chỉ số thay đổi nhiều nhất đến đâu?"),
        (
            _("Tỷ lệ trả lời: số phiếu chia cho số hồ sơ hoàn thành."),
            _(
                "Thấp nhất: coi mọi người im lặng đều không hài lòng. Cao nhất: coi họ đều hài "
                "lòng."
            ),
        ),
        examples.bounds,
        (
            _("Đây là trường hợp xấu nhất và tốt nhất, không phải điều có khả năng xảy ra nhất."),
            _("Không công thức nào thu hẹp được hai giới hạn này, chỉ có thêm phiếu."),
        ),
        _("tỷ lệ trả lời = n/N; thấp nhất = y/N; cao nhất = (y + N − n)/N"),
        "Manski (2003), Partial Identification of Probability Distributions.",
    ),
    Formula(
        "verdict",
        1,
        _("Kết luận: Đạt, Chưa rõ, Chưa đạt"),
        _("Có đủ căn cứ để nói mục tiêu đã đạt hay chưa đạt không?"),
        (
            _(
                "Đạt: cả khoảng tin cậy từ mục tiêu trở lên. Chưa đạt: cả khoảng dưới mục tiêu."
                " Còn lại là Chưa rõ, kèm số phiếu cần thêm."
            ),
            _(
                "Dưới số phiếu tối thiểu của tỉnh (ban đầu là 30) thì không kết luận: Ít mẫu; "
                "trừ khi mọi hồ sơ đều có phiếu."
            ),
            _(
                "Đủ số phiếu rồi mà người chưa trả lời nói gì cũng không đổi được kết quả thì "
                "kết luận ngay."
            ),
            _("Kết luận một lần, khi chốt kỳ. Phiếu đến sau không đổi kết luận đã chốt."),
        ),
        examples.verdict,
        (_("Chưa rõ không phải là kém, cũng không phải là đạt: chỉ là chưa đủ phiếu."),),
        _(
            "Giới hạn một phía ở mức (1 + c)/2, c là độ tin cậy của tỉnh (0,95): đạt khi L ≥ T, "
            "chưa đạt khi U < T.\nTrên số nguyên: chắc chắn đạt khi y ≥ T·N; không thể đạt khi y "
            "+ N − n < T·N."
        ),
        _(
            "Mục tiêu và văn bản nguồn ghi dưới mỗi chỉ số; độ tin cậy và số phiếu tối thiểu nằm "
            "trong Thiết lập của tỉnh."
        ),
    ),
    Formula(
        "rating-floor",
        1,
        _("Ngưỡng không được xếp hạng tốt"),
        _("Đơn vị nào chạm ngưỡng mà văn bản của tỉnh quy định?"),
        (
            _("Trễ hạn: đếm trên mọi hồ sơ hoàn thành; từ ngưỡng trở lên là chạm."),
            _(
                "Chỉ số: chạm khi cả khoảng tin cậy từ ngưỡng trở xuống và có đủ số phiếu tối "
                "thiểu."
            ),
            _(
                "Chỉ số ở dưới ngưỡng mà khoảng còn vượt qua ngưỡng, hoặc ít phiếu: “chưa đủ "
                "căn cứ”, chỉ đếm, không nêu tên."
            ),
        ),
        examples.floor,
        (_("Xếp hạng chính thức theo năm; bảng tháng chỉ để cảnh báo sớm."),),
        _(
            "trễ hạn: số hồ sơ trễ/N ≥ ngưỡng, so trên số nguyên.\n"
            "chỉ số: chạm khi U ≤ ngưỡng, không chạm khi L > ngưỡng, còn lại chưa đủ căn cứ."
        ),
        _(
            "Kết luận năm 2022 của Ban Thường vụ Tỉnh ủy Khánh Hòa, mục II.8; ngưỡng là dữ liệu, "
            "mỗi tỉnh và mỗi thời kỳ một khác."
        ),
    ),
)

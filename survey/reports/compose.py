"""A report in words: title, first page, numbered sections, annex and footer."""

from datetime import date

from survey.formats import number
from survey.indices import Status
from survey.period import Month
from survey.province.workdays import LOCAL
from survey.reports import comparison, evenness, phrases, sentences, tables
from survey.reports.charts import sector_chart
from survey.reports.document import Document, Letterhead, Point, Section
from survey.reports.figures import Report, Revision, Stage
from survey.version import VERSION


def compose(report: Report) -> Document:
    """The document of a report; the same report gives the same document."""
    return Document(
        province=report.origin.province,
        letterhead=_letterhead(report),
        year=report.origin.made_at.astimezone(LOCAL).year,
        month=report.month,
        title="BÁO CÁO",
        subtitle="Kết quả đo lường mức độ hài lòng của người dân, tổ chức sau khi giải quyết"
        f" thủ tục hành chính {phrases.long_month_name(report.month)}",
        basis=_basis(report),
        mark=_mark(report),
        verdict=sentences.verdict(report),
        tiles=sentences.tiles(report),
        picture=sector_chart(report),
        good=sentences.good(report),
        direction=sentences.direction(report),
        sections=(
            _sectors(report),
            _agencies(report),
            _response(report),
            _late(report),
            _cases(report),
            _corrections(report),
            comparison.section(report),
            _method(report),
        ),
        annex=_annex(report),
        footer=_footer(report),
    )


def _letterhead(report: Report) -> Letterhead:
    return Letterhead(
        parent=f"UBND tỉnh {report.origin.province}",
        office="Sở Nội vụ",
        symbol="BC-SNV",
        signer="Giám đốc",
        template=report.origin.template,
    )


def _basis(report: Report) -> str:
    if report.is_draft or report.closed_at is None:
        made, closable = phrases.moment(report.origin.made_at), closing_day(report.month)
        return (
            f"Số liệu tạm tính, kỳ chưa chốt; lập lúc {made}."
            f" Kỳ được chốt từ ngày {closable:%d/%m/%Y}."
        )
    closed, approved = phrases.moment(report.closed_at), report.origin.approved
    if approved is None:
        return f"Số liệu đã chốt lúc {closed}."
    by = f"{approved.name} duyệt lúc {phrases.moment(approved.at)}"
    return f"Số liệu đã chốt lúc {closed}. Báo cáo đã được {by}."


def _mark(report: Report) -> str:
    marks = {Stage.OPEN: "DỰ THẢO · TẠM TÍNH", Stage.CLOSED: "DỰ THẢO", Stage.APPROVED: ""}
    return marks[report.stage]


def closing_day(month: Month) -> date:
    """First local day on which a month may be closed."""
    return month.closable_from.astimezone(LOCAL).date()


def _sectors(report: Report) -> Section:
    title, first = "Chỉ số theo lĩnh vực (%)", "Lĩnh vực"
    listed = [tables.figure_table(title, first, report.sectors, report)]
    if report.factors:
        listed.append(tables.factor_table(report))
    listed.append(tables.beside_table(report))
    return Section("Kết quả theo lĩnh vực", _targets(report), tables=tuple(listed))


def _targets(report: Report) -> tuple[str, ...]:
    """Whose targets these are; a ladder borrowed from another province is never passed as own."""
    figures = [one for one in (report.overall, *report.sectors) if one.target_source]
    if not figures:
        return ("Chưa có mục tiêu được giao cho kỳ này.",)
    named = phrases.listed(sorted({phrases.source(one.target_source) for one in figures}))
    said = f"Mục tiêu so sánh: {named}."
    if any(one.target_is_default for one in figures):
        said += " Đây là mục tiêu mặc định để tham khảo, không phải chỉ tiêu được giao của tỉnh."
    kept = [one for one in report.origin.kept if one.scope in phrases.SCOPES]
    if not kept:
        return (said,)
    levels = "; ".join(f"{phrases.SCOPES[one.scope]} {phrases.level(one.value)}%" for one in kept)
    return (said, f"Mức đến năm {kept[0].by_year} vẫn phải giữ: {levels}.")


def _agencies(report: Report) -> Section:
    shown = [one for one in report.agencies if one.finished]
    silent = len(report.agencies) - len(shown)
    said = f"Có {len(shown)} cơ quan, đơn vị có hồ sơ hoàn thành trong kỳ"
    said += f"; {silent} đơn vị không có hồ sơ." if silent else "."
    by_unit = tables.figure_table("Chỉ số theo đơn vị (%)", "Cơ quan, đơn vị", shown, report)
    by_channel = tables.figure_table(
        "Chỉ số theo hình thức nộp hồ sơ (%)", "Hình thức", report.channels, report
    )
    note = (
        "Các đơn vị xếp theo số hồ sơ, không xếp theo chỉ số: chênh lệch nằm trong khoảng tin cậy"
        " không phải là hơn kém."
    )
    return Section(
        "Kết quả theo cơ quan, đơn vị và hình thức nộp hồ sơ",
        (said, note),
        tables=(by_unit, by_channel),
    )


def _response(report: Report) -> Section:
    frame = report.frame
    answered = phrases.percent(frame.answered / frame.invited if frame.invited else None)
    said = (
        f"Trong kỳ có {number(frame.finished)} hồ sơ hoàn thành; đã mời đánh giá"
        f" {number(frame.invited)} hồ sơ, nhận {number(frame.answered)} phiếu,"
        f" bằng {answered}% số đã mời. Mỗi hồ sơ hoàn thành có đúng một kết quả: được mời, hoặc"
        " không được mời vì một lý do dưới đây."
    )
    listed = [tables.coverage_table(report), tables.bounds_table(report)]
    if report.overview and report.overview.nonresponse:
        listed.append(evenness.table(report.overview.nonresponse))
    return Section("Mức độ bao phủ và tỷ lệ trả lời", (said,), tables=tuple(listed))


def _late(report: Report) -> Section:
    title, late = "Hồ sơ trễ hạn và điều kiện xếp hạng", tables.late_table(report.late)
    if not report.rules:
        said = "Không có đơn vị nào chạm ngưỡng không được xếp hạng tốt."
        if report.unproven:
            said += f" {tables.unproven_words(report.unproven)}"
        return Section(title, (said,), tables=(late,))
    barred = tables.rule_table(report.rules, report.unproven)
    return Section(title, tables=(barred, late))


def _cases(report: Report) -> Section:
    cases, total = report.cases, report.cases.total
    title, when = "Phản ánh và thời gian trả lời", f"Tính đến {phrases.moment(cases.as_of)}"
    opened = f"trong kỳ tiếp nhận {cases.opened} phản ánh từ phiếu đánh giá"
    if not total.due:
        return Section(title, (f"{when}, {opened}; không có phản ánh nào đến hạn trả lời.",))
    counted = (
        (cases.closed, "đã đóng"),
        (cases.reopened, "được mở lại"),
        (cases.postponed, "được hẹn lại ngày trả lời một lần"),
    )
    stood = phrases.listed([f"{number} {words}" for number, words in counted if number])
    said = (
        f"{when}, {opened}; {total.due} phản ánh đến hạn trả lời trong kỳ"
        f"{f', trong đó {stood}' if stood else ''}. Tính theo giờ làm việc, trung vị thời gian đến "
        f"khi có người nhận xử lý là {phrases.hours(cases.median_taken_hours)}; đến khi người dân "
        "được trả lời bằng văn bản,"
        f" chỉ tính các phản ánh đã trả lời, là {phrases.hours(cases.median_reply_hours)}."
    )
    both = (
        tables.case_table("Phản ánh theo lý do", "Lý do", cases.by_reason, total),
        tables.case_table("Phản ánh theo đơn vị", "Cơ quan, đơn vị", cases.by_agency, total),
    )
    return Section(title, (said,), tables=both)


def _corrections(report: Report) -> Section:
    said, listed = [], []
    if report.corrections:
        said.append(
            "Các thay đổi dưới đây đến sau khi hồ sơ đã được tính vào đơn vị, lĩnh vực, kỳ; chúng"
            " được ghi vào lịch sử hồ sơ và không làm thay đổi số liệu của báo cáo này."
        )
        listed.append(tables.correction_table(report.corrections))
    else:
        said.append("Không có hồ sơ nào thay đổi sau khi đã được tính vào kỳ.")
    if report.revision:
        said.append(_revision(report.revision))
        listed.append(tables.revision_table(report.revision))
    return Section("Điều chỉnh sau khi đã tính", tuple(said), tables=tuple(listed))


def _revision(found: Revision) -> str:
    reasons = (
        (found.late, "phiếu người dân trả lời sau ngày chốt"),
        (found.changed, "phiếu người dân sửa lại sau ngày chốt"),
        (found.dossiers, "hồ sơ được nhập bổ sung"),
    )
    named = phrases.listed([f"{number(count)} {what}" for count, what in reasons if count])
    return (
        f"Số liệu {phrases.month_name(found.month)} đã chốt và giữ nguyên; từ đó đến nay có thêm"
        f" {named}. Bảng dưới so số đã chốt với số tính lại; kết luận khi chốt không thay đổi."
    )


def _method(report: Report) -> Section:
    points = (
        Point(
            "Chỉ số sau giao dịch, không phải SIPAS.",
            "Chỉ số đo ngay sau khi trả kết quả, trên người nộp hồ sơ đã trả lời; không thay thế và"
            " không so sánh trực tiếp với chỉ số SIPAS do Bộ Nội vụ công bố.",
        ),
        Point(
            "Cách tính.",
            "Chỉ số là tỷ lệ trả lời “Hài lòng” và “Rất hài lòng” (mức 4, 5 trên thang 5 mức), tính"
            " theo hồ sơ có ngày trả kết quả trong kỳ. Mỗi nhóm hồ sơ (lĩnh vực, hình thức nộp,"
            " đúng hạn hay trễ hạn) góp vào chỉ số theo số hồ sơ của nhóm, không theo số phiếu."
            f" Công thức: {report.formula}."
            f" Giải thích bằng lời, có ví dụ: {report.origin.cards_url}/"
            f"{report.formula.partition('/')[0]}.",
        ),
        _interval_point(report),
        _verdict_point(report),
        Point("Nguồn gốc số liệu.", " · ".join(_footer(report))),
        Point(
            "Bảo vệ người dân.",
            "Không công bố kết quả của nhóm dưới 5 phiếu trả lời, và ẩn thêm dòng khác khi từ tổng"
            " có thể suy ra nhóm đó. Phiếu trả lời không gắn với số điện thoại, mã hồ sơ./.",
        ),
    )
    return Section("Phương pháp và giới hạn", points=points)


def _interval_point(report: Report) -> Point:
    name = phrases.interval_name(report.judging.confidence, is_draft=report.is_draft)
    level = phrases.level(report.judging.confidence)
    lead = f"{name[0].upper()}{name[1:]}."
    if report.is_draft:
        return Point(
            lead,
            "Kỳ còn mở nên khoảng này rộng hơn khoảng tin cậy khi chốt: ai xem lúc nào, xem bao"
            f" nhiêu lần, nó vẫn chứa chỉ số của toàn bộ hồ sơ với độ tin cậy {level}%. Chưa dùng"
            " để kết luận đạt hay chưa đạt.",
        )
    return Point(
        lead,
        f"Khoảng chứa chỉ số của toàn bộ hồ sơ trong kỳ với độ tin cậy {level}%, nếu trong mỗi nhóm"
        " hồ sơ người không trả lời giống người trả lời; khi điều đó không đúng, xem bảng giới hạn"
        " tại mục 3.",
    )


def _verdict_point(report: Report) -> Point:
    signs = phrases.STATUS_SIGNS
    return Point(
        "Đánh giá.",
        f"{signs[Status.MET]} Đạt: cả khoảng tin cậy từ mục tiêu trở lên;"
        f" {signs[Status.NOT_MET]} Chưa đạt: cả khoảng tin cậy dưới mục tiêu;"
        f" {signs[Status.UNCERTAIN]} Chưa rõ: khoảng tin cậy chứa mục tiêu, chưa đủ phiếu để kết"
        f" luận; {signs[Status.FEW]} Ít mẫu: dưới {report.judging.judged_from} phiếu, trừ khi mọi"
        " hồ sơ đều có phiếu. Kết luận đưa ra một lần, khi chốt kỳ.",
    )


def _annex(report: Report) -> Section:
    finished = [one for one in report.procedures if one.finished]
    by_procedure = tables.procedure_table(finished, report)
    return Section("Kết quả theo thủ tục hành chính", tables=(by_procedure,))


def _footer(report: Report) -> tuple[str, ...]:
    origin = report.origin
    chain, software = f"Chuỗi kiểm toán: {origin.audit_head}", f"Lắng Nghe {VERSION}"
    if report.is_draft:
        draft = f"Tạm tính, chưa có bản chốt số liệu. Công thức {report.formula}. {software}."
        return (draft, chain)
    return (f"Bản chốt số {origin.snapshot} · SHA-256: {origin.digest} · {software}", chain)

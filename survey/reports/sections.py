"""Compose a report's text: title, first page, numbered sections, annex and footer."""

from datetime import date

from survey.catalogues import gettext
from survey.formats import number
from survey.indices import Status
from survey.period import Month
from survey.province.workdays import LOCAL
from survey.reports import comparison, evenness, phrases, sentences, tables
from survey.reports.charts import sector_chart
from survey.reports.document import Document, Letterhead, Point, Section
from survey.reports.figures import CaseFigures, Report, Revision, Stage
from survey.version import VERSION


def compose(report: Report) -> Document:
    """The document of a report; deterministic."""
    return Document(
        province=report.origin.province,
        letterhead=_letterhead(report),
        year=report.origin.made_at.astimezone(LOCAL).year,
        month=report.month,
        title=gettext("BÁO CÁO"),
        subtitle=gettext(
            "Kết quả đo lường mức độ hài lòng của người dân, tổ chức sau khi giải quyết "
            "thủ tục hành chính %(month)s",
            month=phrases.long_month_name(report.month),
        ),
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
        parent=gettext("UBND tỉnh %(province)s", province=report.origin.province),
        office=gettext("Sở Nội vụ"),
        symbol="BC-SNV",
        signer=gettext("Giám đốc"),
        template=report.origin.template,
    )


def _basis(report: Report) -> str:
    if report.is_draft or report.closed_at is None:
        made, closable = phrases.moment(report.origin.made_at), closing_day(report.month)
        return gettext(
            "Số liệu tạm tính, kỳ chưa chốt; lập lúc %(made)s. Kỳ được chốt từ ngày %(closable)s.",
            made=made,
            closable=f"{closable:%d/%m/%Y}",
        )
    closed, approved = phrases.moment(report.closed_at), report.origin.approved
    if approved is None:
        return gettext("Số liệu đã chốt lúc %(closed)s.", closed=closed)
    by = gettext("%(name)s duyệt lúc %(at)s", name=approved.name, at=phrases.moment(approved.at))
    return gettext("Số liệu đã chốt lúc %(closed)s. Báo cáo đã được %(by)s.", closed=closed, by=by)


def _mark(report: Report) -> str:
    marks = {
        Stage.OPEN: gettext("DỰ THẢO · TẠM TÍNH"),
        Stage.CLOSED: gettext("DỰ THẢO"),
        Stage.APPROVED: "",
    }
    return marks[report.stage]


def closing_day(month: Month) -> date:
    """First local day on which a month may be closed."""
    return month.closable_from.astimezone(LOCAL).date()


def _sectors(report: Report) -> Section:
    title, first = gettext("Chỉ số theo lĩnh vực (%)"), gettext("Lĩnh vực")
    listed = [tables.figure_table(title, first, report.sectors, report)]
    if report.factors:
        listed.append(tables.factor_table(report))
    listed.append(tables.beside_table(report))
    return Section(gettext("Kết quả theo lĩnh vực"), _targets(report), tables=tuple(listed))


def _targets(report: Report) -> tuple[str, ...]:
    """The source of the targets; a schedule of another province is always named as such."""
    figures = [one for one in (report.overall, *report.sectors) if one.target_source]
    if not figures:
        return (gettext("Chưa có mục tiêu được giao cho kỳ này."),)
    named = phrases.listed(sorted({phrases.source(one.target_source) for one in figures}))
    sentence = gettext("Mục tiêu so sánh: %(named)s.", named=named)
    if any(one.target_is_default for one in figures):
        sentence += " " + gettext(
            "Đây là mục tiêu mặc định để tham khảo, không phải chỉ tiêu được giao của tỉnh."
        )
    kept = [one for one in report.origin.kept if one.scope in phrases.SCOPES]
    if not kept:
        return (sentence,)
    levels = "; ".join(
        f"{gettext(phrases.SCOPES[one.scope])} {phrases.level(one.value)}%" for one in kept
    )
    return (
        sentence,
        gettext(
            "Mức đến năm %(by_year)s vẫn phải giữ: %(levels)s.",
            by_year=kept[0].by_year,
            levels=levels,
        ),
    )


def _agencies(report: Report) -> Section:
    shown = [one for one in report.agencies if one.finished]
    silent = len(report.agencies) - len(shown)
    sentence = gettext(
        "Có %(shown)s cơ quan, đơn vị có hồ sơ hoàn thành trong kỳ",
        shown=len(shown),
    )
    sentence += (
        "; " + gettext("%(silent)s đơn vị không có hồ sơ.", silent=silent) if silent else "."
    )
    by_unit = tables.figure_table(
        gettext("Chỉ số theo đơn vị (%)"), gettext("Cơ quan, đơn vị"), shown, report
    )
    by_channel = tables.figure_table(
        gettext("Chỉ số theo hình thức nộp hồ sơ (%)"),
        gettext("Hình thức"),
        report.channels,
        report,
    )
    note = gettext(
        "Các đơn vị xếp theo số hồ sơ, không xếp theo chỉ số: chênh lệch nằm trong khoảng tin cậy"
        " không phải là hơn kém."
    )
    return Section(
        gettext("Kết quả theo cơ quan, đơn vị và hình thức nộp hồ sơ"),
        (sentence, note),
        tables=(by_unit, by_channel),
    )


def _response(report: Report) -> Section:
    frame = report.frame
    answered = phrases.percent(frame.answered / frame.invited if frame.invited else None)
    sentence = gettext(
        "Trong kỳ có %(finished)s hồ sơ hoàn thành; đã mời đánh giá %(invited)s hồ sơ, "
        "nhận %(answered)s phiếu, bằng %(share)s%% số đã mời. Mỗi hồ sơ hoàn thành "
        "có đúng một kết quả: được mời, hoặc không được mời vì một lý do dưới đây.",
        finished=number(frame.finished),
        invited=number(frame.invited),
        answered=number(frame.answered),
        share=answered,
    )
    listed = [tables.coverage_table(report), tables.bounds_table(report)]
    if report.overview and report.overview.nonresponse:
        listed.append(evenness.table(report.overview.nonresponse))
    return Section(gettext("Mức độ bao phủ và tỷ lệ trả lời"), (sentence,), tables=tuple(listed))


def _late(report: Report) -> Section:
    title, late = gettext("Hồ sơ trễ hạn và điều kiện xếp hạng"), tables.late_table(report.late)
    if not report.rules:
        sentence = gettext("Không có đơn vị nào chạm ngưỡng không được xếp hạng tốt.")
        if report.unproven:
            sentence += f" {tables.unproven_words(report.unproven)}"
        return Section(title, (sentence,), tables=(late,))
    blocked = tables.rule_table(report.rules, report.unproven)
    return Section(title, tables=(blocked, late))


def _cases(report: Report) -> Section:
    cases, total = report.cases, report.cases.total
    title, when = (
        gettext("Phản ánh và thời gian trả lời"),
        gettext("Tính đến %(as_of)s", as_of=phrases.moment(cases.as_of)),
    )
    opened = gettext(
        "trong kỳ tiếp nhận %(opened)s phản ánh từ phiếu đánh giá", opened=cases.opened
    )
    if not total.due:
        return Section(
            title,
            (
                gettext(
                    "%(when)s, %(opened)s; không có phản ánh nào đến hạn trả lời.",
                    when=when,
                    opened=opened,
                ),
            ),
        )
    sentence = _replies(cases, when, opened)
    both = (
        tables.case_table(gettext("Phản ánh theo lý do"), gettext("Lý do"), cases.by_reason, total),
        tables.case_table(
            gettext("Phản ánh theo đơn vị"), gettext("Cơ quan, đơn vị"), cases.by_agency, total
        ),
    )
    return Section(title, (sentence,), tables=both)


def _replies(cases: CaseFigures, when: str, opened: str) -> str:
    counted = (
        (cases.closed, gettext("đã đóng")),
        (cases.reopened, gettext("được mở lại")),
        (cases.postponed, gettext("được hẹn lại ngày trả lời một lần")),
    )
    stood = phrases.listed([f"{number} {words}" for number, words in counted if number])
    among = ", " + gettext("trong đó %(stood)s", stood=stood) if stood else ""
    return gettext(
        "%(when)s, %(opened)s; %(due)s phản ánh đến hạn trả lời trong kỳ%(stood)s. "
        "Tính theo giờ làm việc, trung vị thời gian đến khi có người nhận xử lý là "
        "%(taken)s; đến khi người dân được trả lời bằng văn bản, chỉ tính các phản ánh "
        "đã trả lời, là %(replied)s.",
        when=when,
        opened=opened,
        due=cases.total.due,
        stood=among,
        taken=phrases.hours(cases.median_taken_hours),
        replied=phrases.hours(cases.median_reply_hours),
    )


def _corrections(report: Report) -> Section:
    sentence, listed = [], []
    if report.corrections:
        sentence.append(
            gettext(
                "Các thay đổi dưới đây đến sau khi hồ sơ đã được tính vào đơn vị, lĩnh vực, kỳ; "
                "chúng được ghi vào lịch sử hồ sơ và không làm thay đổi số liệu của báo cáo này."
            )
        )
        listed.append(tables.correction_table(report.corrections))
    else:
        sentence.append(gettext("Không có hồ sơ nào thay đổi sau khi đã được tính vào kỳ."))
    if report.revision:
        sentence.append(_revision(report.revision))
        listed.append(tables.revision_table(report.revision))
    return Section(gettext("Điều chỉnh sau khi đã tính"), tuple(sentence), tables=tuple(listed))


def _revision(found: Revision) -> str:
    reasons = (
        (found.late, gettext("phiếu người dân trả lời sau ngày chốt")),
        (found.changed, gettext("phiếu người dân sửa lại sau ngày chốt")),
        (found.dossiers, gettext("hồ sơ được nhập bổ sung")),
    )
    named = phrases.listed([f"{number(count)} {what}" for count, what in reasons if count])
    return gettext(
        "Số liệu %(month)s đã chốt và giữ nguyên; từ đó đến nay có thêm %(named)s. "
        "Bảng dưới so số đã chốt với số tính lại; kết luận khi chốt không thay đổi.",
        month=phrases.month_name(found.month),
        named=named,
    )


def _method(report: Report) -> Section:
    points = (
        Point(
            gettext("Chỉ số sau giao dịch, không phải SIPAS."),
            gettext(
                "Chỉ số đo ngay sau khi trả kết quả, trên người nộp hồ sơ đã trả lời; không thay "
                "thế và không so sánh trực tiếp với chỉ số SIPAS do Bộ Nội vụ công bố."
            ),
        ),
        Point(
            gettext("Cách tính."),
            gettext(
                "Chỉ số là tỷ lệ trả lời “Hài lòng” và “Rất hài lòng” (mức 4, 5 trên thang 5 "
                "mức), tính theo hồ sơ có ngày trả kết quả trong kỳ. Mỗi nhóm hồ sơ (lĩnh vực, "
                "hình thức nộp, đúng hạn hay trễ hạn) góp vào chỉ số theo số hồ sơ của nhóm, "
                "không theo số phiếu. Công thức: %(formula)s. Giải thích bằng lời, có ví dụ: "
                "%(cards)s/%(name)s.",
                formula=report.formula,
                cards=report.origin.formulas_url,
                name=report.formula.partition("/")[0],
            ),
        ),
        _interval_point(report),
        _verdict_point(report),
        Point(gettext("Nguồn gốc số liệu."), " · ".join(_footer(report))),
        Point(
            gettext("Bảo vệ người dân."),
            gettext(
                "Không công bố kết quả của nhóm dưới 5 phiếu trả lời, và ẩn thêm dòng khác khi từ "
                "tổng có thể suy ra nhóm đó. Phiếu trả lời không gắn với số điện thoại, mã hồ "
                "sơ./."
            ),
        ),
    )
    return Section(gettext("Phương pháp và giới hạn"), points=points)


def _interval_point(report: Report) -> Point:
    name = phrases.interval_name(report.scoring.confidence, is_draft=report.is_draft)
    level = phrases.level(report.scoring.confidence)
    lead = f"{name[0].upper()}{name[1:]}."
    if report.is_draft:
        return Point(
            lead,
            gettext(
                "Kỳ còn mở nên khoảng này rộng hơn khoảng tin cậy khi chốt: ai xem lúc nào, "
                "xem bao nhiêu lần, nó vẫn chứa chỉ số của toàn bộ hồ sơ với độ tin cậy "
                "%(level)s%%. Chưa dùng để kết luận đạt hay chưa đạt.",
                level=level,
            ),
        )
    return Point(
        lead,
        gettext(
            "Khoảng chứa chỉ số của toàn bộ hồ sơ trong kỳ với độ tin cậy %(level)s%%, nếu "
            "trong mỗi nhóm hồ sơ người không trả lời giống người trả lời; khi điều đó "
            "không đúng, xem bảng giới hạn tại mục 3.",
            level=level,
        ),
    )


def _verdict_point(report: Report) -> Point:
    signs = phrases.STATUS_SIGNS
    return Point(
        gettext("Đánh giá."),
        gettext(
            "%(met)s Đạt: cả khoảng tin cậy từ mục tiêu trở lên; %(not_met)s Chưa đạt: cả "
            "khoảng tin cậy dưới mục tiêu; %(uncertain)s Chưa rõ: khoảng tin cậy chứa mục "
            "tiêu, chưa đủ phiếu để kết luận; %(few)s Ít mẫu: dưới %(verdict_from)s "
            "phiếu, trừ khi mọi hồ sơ đều có phiếu. Kết luận đưa ra một lần, khi chốt kỳ.",
            met=signs[Status.MET],
            not_met=signs[Status.NOT_MET],
            uncertain=signs[Status.UNCERTAIN],
            few=signs[Status.FEW],
            verdict_from=report.scoring.verdict_from,
        ),
    )


def _annex(report: Report) -> Section:
    finished = [one for one in report.procedures if one.finished]
    by_procedure = tables.procedure_table(finished, report)
    return Section(gettext("Kết quả theo thủ tục hành chính"), tables=(by_procedure,))


def _footer(report: Report) -> tuple[str, ...]:
    origin = report.origin
    chain, software = (
        gettext("Chuỗi kiểm toán: %(audit_head)s", audit_head=origin.audit_head),
        f"Lắng Nghe {VERSION}",
    )
    if report.is_draft:
        draft = gettext(
            "Tạm tính, chưa có bản chốt số liệu. Công thức %(formula)s. %(software)s.",
            formula=report.formula,
            software=software,
        )
        return (draft, chain)
    return (
        gettext(
            "Bản chốt số %(snapshot)s · SHA-256: %(digest)s · %(software)s",
            snapshot=origin.snapshot,
            digest=origin.digest,
            software=software,
        ),
        chain,
    )

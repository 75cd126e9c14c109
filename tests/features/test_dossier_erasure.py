"""Erased data of a dossier stay erased, whatever later files contain."""

from datetime import timedelta

from sqlalchemy import select

from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry
from survey.models.stage import Stage
from survey.models.supplement import Supplement
from survey.privacy import retention
from tests.features.running_dossiers import NOW, ON_ITS_WAY, import_rows, running_row


def test_words_of_officials_are_erased_with_the_phone(runner, transact, tmp_path):
    """Ninety days after the finish, or on request, the officials' texts on supplements and delays
    are erased, and a repeated file does not restore them.
    """
    finished = {"returned": "24/03/2026"}
    rows = [running_row(1, **finished), running_row(2, **finished), running_row(3)]
    import_rows(runner, tmp_path, rows, "2026-03-25T10:00:00+07:00")
    with transact() as session:
        erased = retention.erase_phone(session, "+84905000001", NOW)
        assert (erased["dossiers"], erased["words"]) == (1, 2)
        assert retention.erase_due(session, NOW + timedelta(days=60))["words"] == 0
        assert retention.erase_due(session, NOW + timedelta(days=120))["words"] == 2
    said = import_rows(runner, tmp_path, rows[1:2], "2026-08-25T10:00:00+07:00")
    assert said == [("duplicate", {"unchanged"})]
    with transact() as session:
        left = select(Supplement.dossier_id).where(Supplement.text_sealed.is_not(None))
        assert len(session.scalars(left).all()) == 1


def test_a_dossier_that_ended_without_result_is_erased_too(runner, transact, tmp_path):
    """Ninety days after a dossier was stopped its phone and texts are erased, those of one in work
    are kept, and a later file does not restore them.
    """
    stopped = ON_ITS_WAY | {"status": "Dừng xử lý"}
    rows = [running_row(1, stopped), running_row(2)]
    import_rows(runner, tmp_path, rows)
    with transact() as session:
        assert retention.erase_due(session, NOW + timedelta(days=60))["dossiers"] == 0
        erased = retention.erase_due(session, NOW + timedelta(days=120))
        assert (erased["dossiers"], erased["words"]) == (1, 2)
    import_rows(runner, tmp_path, rows, "2026-08-25T10:00:00+07:00")
    with transact() as session:
        kept = select(Dossier.stage).where(Dossier.phone_sealed.is_not(None))
        assert session.scalars(kept).all() == [Stage.SUPPLEMENT_ASKED]


def test_what_a_citizen_had_erased_stays_erased(runner, transact, tmp_path):
    """After an erasure on request later files of a running dossier restore neither phone, name nor
    texts, and its finish asks nobody.
    """
    import_rows(runner, tmp_path, [running_row(1), running_row(2)])
    with transact() as session:
        assert retention.erase_phone(session, "+84905000001", NOW)["dossiers"] == 1
    import_rows(runner, tmp_path, [running_row(1), running_row(2)], "2026-03-11T10:00:00+07:00")
    finished = [running_row(number, returned="24/03/2026") for number in (1, 2)]
    import_rows(runner, tmp_path, finished, "2026-03-25T10:00:00+07:00")
    with transact() as session:
        contacts = select(
            Dossier.code, Dossier.phone_sealed, Dossier.name_sealed, Dossier.phone_kind
        )
        (erased, kept) = session.execute(contacts.order_by(Dossier.code)).all()
        assert tuple(erased[1:]) == (None, None, "missing")
        assert kept.phone_sealed is not None
        words = select(Supplement.text_sealed).join(Dossier, Dossier.id == Supplement.dossier_id)
        assert session.scalar(words.where(Dossier.code == erased.code)) is None
        assert session.scalar(words.where(Dossier.code == kept.code)) is not None
        asked = select(CoverageEntry.decision).join(Dossier, Dossier.id == CoverageEntry.dossier_id)
        assert session.scalar(asked.where(Dossier.code == erased.code)) == "no_phone"
        assert session.scalar(asked.where(Dossier.code == kept.code)) == "asked"

"""Progress of demo dossiers: missing papers, stages, letters of apology and new due dates.

It has its own random generator, so that no other part of a demo depends on it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from survey.demo import people
from survey.demo.dossiers import DossierDraft
from survey.demo.scenario import Scenario, pick
from survey.dossiers import (
    ExtensionFacts,
    Progress,
    StageFacts,
    SupplementFacts,
    Timestamp,
    further_extensions,
    further_supplements,
)
from survey.models.dossier import Outcome
from survey.models.stage import Stage
from survey.province.workdays import LOCAL, local_day

# Of dossiers of some days: share with missing papers, and of those with more missing later.
SUPPLEMENT_SHARE, AGAIN_SHARE = 0.06, 0.12
LEAST_DAYS = timedelta(days=3)
# Of late dossiers: share with a letter of apology, and of those with a letter sent too late.
LETTER_SHARE, LATE_LETTER_SHARE = 0.45, 0.2
PUT_OFF_DAYS = 2
# Stages of dossiers still in work, with shares.
RUNNING = (
    (Stage.IN_WORK, 0.68),
    (Stage.SUPPLEMENT_ASKED, 0.14),
    (Stage.FEE_ASKED, 0.07),
    (Stage.READY, 0.11),
)
ENDS = {Outcome.WITHDRAWN: Stage.WITHDRAWAL_ASKED, Outcome.REFUSED: Stage.STOPPED}
MISSING = (
    "Đề nghị bổ sung bản sao giấy tờ về quyền sử dụng đất.",
    "Đề nghị bổ sung bản vẽ hiện trạng có xác nhận.",
    "Đề nghị bổ sung giấy ủy quyền của người nộp thay.",
    "Đề nghị kê khai lại tờ khai theo mẫu mới.",
)
REASONS = (
    "Cần lấy thêm ý kiến của cơ quan phối hợp.",
    "Cần kiểm tra lại tại thực địa.",
    "Số hồ sơ tăng cao trong kỳ.",
)


@dataclass(frozen=True, slots=True)
class DraftWay:
    """The progress of one dossier, and its first due date if a later one replaced it."""

    progress: Progress
    first_due: datetime | None = None


class Ways:
    """Draws the progress of the dossiers of a scenario, in their order."""

    def __init__(self, scenario: Scenario) -> None:
        self.now = scenario.now
        self.dice: random.Random = scenario.dice("progress")

    def draw(self, dossiers: Sequence[DossierDraft]) -> list[DraftWay]:
        """The progress of each dossier."""
        return [
            self._running(one) if one.finished is None else self._ended(one) for one in dossiers
        ]

    def _running(self, draft: DossierDraft) -> DraftWay:
        stage = pick(self.dice, RUNNING)
        at = self._between(draft.received, self.now)
        asked: list[SupplementFacts] = []
        if stage is Stage.SUPPLEMENT_ASKED:
            asked.append(self._supplement(at, draft.due))
        progress = Progress(stage, [StageFacts(stage, at)], further_supplements(asked))
        return DraftWay(progress, _first_due(draft, asked))

    def _ended(self, draft: DossierDraft) -> DraftWay:
        dice, finished = self.dice, draft.finished or self.now
        stages: list[StageFacts] = []
        asked: list[SupplementFacts] = []
        is_long = finished - draft.received > LEAST_DAYS
        if is_long and dice.random() < SUPPLEMENT_SHARE:
            middle = draft.received + (finished - draft.received) / 2
            spans = [(draft.received, middle)]
            if dice.random() < AGAIN_SHARE:
                spans.append((middle, finished))
            for begin, end in spans:
                at = self._between(begin, begin + (end - begin) / 2)
                back = self._between(begin + (end - begin) / 2, end)
                asked.append(self._supplement(at, draft.due))
                stages += [StageFacts(Stage.SUPPLEMENT_ASKED, at), StageFacts(Stage.IN_WORK, back)]
        end_stage = ENDS.get(Outcome(draft.outcome), Stage.RETURNED)
        if end_stage is not Stage.RETURNED:
            stages.append(StageFacts(end_stage, _timestamp(finished)))
        extensions = further_extensions(self._letters(draft, finished))
        progress = Progress(end_stage, stages, further_supplements(asked), extensions)
        return DraftWay(progress, _first_due(draft, asked))

    def _supplement(self, at: Timestamp, due: datetime | None) -> SupplementFacts:
        new = None if due is None else Timestamp(local_day(due))
        return SupplementFacts(
            at,
            text=self.dice.choice(MISSING),
            asked_by=people.name(self.dice),
            old_due=new and Timestamp(new.day - timedelta(days=PUT_OFF_DAYS)),
            new_due=new,
        )

    def _letters(self, draft: DossierDraft, finished: datetime) -> list[ExtensionFacts]:
        """Letters of apology for some late dossiers, some of them after the due date."""
        dice = self.dice
        if draft.due is None or local_day(finished) <= local_day(draft.due):
            return []
        if dice.random() >= LETTER_SHARE:
            return []
        shift = 1 if dice.random() < LATE_LETTER_SHARE else -1
        due = local_day(draft.due)
        later = timedelta(days=max(draft.work.days // 3, 1))
        letter = Timestamp(due + timedelta(days=shift))
        reason, signer = dice.choice(REASONS), people.name(dice)
        return [ExtensionFacts(Timestamp(due + later), letter, reason, signer)]

    def _between(self, begin: datetime, end: datetime) -> Timestamp:
        return _timestamp(begin + (end - begin) * self.dice.random())


def _timestamp(at: datetime) -> Timestamp:
    local = at.astimezone(LOCAL)
    return Timestamp(local.date(), local.time().replace(microsecond=0))


def _first_due(draft: DossierDraft, asked: Sequence[SupplementFacts]) -> datetime | None:
    """The due date before further papers were requested."""
    first = asked[0].old_due if asked and draft.due is not None else None
    return None if first is None else first.instant

"""Progress of dossiers: stages, supplements and extensions that a source adds to what is known.

Each list only grows: a later source adds or completes entries and removes none.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.dossiers.facts import DossierFacts, ExtensionFacts, StageFacts, SupplementFacts
from survey.dossiers.timestamps import Timestamp, timestamp_of
from survey.models.dossier import Dossier
from survey.models.extension import Extension
from survey.models.stage import END_STAGES, DossierStage, Stage
from survey.models.supplement import Supplement
from survey.province.workdays import local_day


@dataclass(slots=True)
class Known:
    """Known stages, supplements and extensions of one dossier, each list in order."""

    stages: list[DossierStage] = field(default_factory=list)
    supplements: list[Supplement] = field(default_factory=list)
    extensions: list[Extension] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """A supplement or extension to be written: a new one (`known` None), or an update.

    `words`: the official's free text, to be encrypted; None if it does not change.
    """

    number: int
    known: Supplement | Extension | None
    values: Mapping[str, Any]
    words: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """What facts add to the progress of a dossier; `stage`: its current stage afterwards."""

    stage: Stage
    reached: Sequence[StageFacts] = ()
    supplements: Sequence[Entry] = ()
    extensions: Sequence[Entry] = ()

    @property
    def adds(self) -> bool:
        """Whether there is anything to write besides the current stage."""
        return bool(self.reached or self.supplements or self.extensions)


# Of a new dossier without data on its progress: open, or finished.
PLAIN = (Progress(Stage.RECEIVED), Progress(Stage.RETURNED))


def read_known(
    session: Session, pairs: Iterable[tuple[Dossier, DossierFacts]]
) -> Mapping[int, Known]:
    """Dossier id → known progress, for dossiers whose facts report any progress."""
    found: dict[int, Known] = defaultdict(Known)
    ids = [dossier.id for dossier, facts in pairs if _reports_progress(dossier, facts)]
    if ids:
        stages = select(DossierStage).where(DossierStage.dossier_id.in_(ids))
        for stage in session.scalars(stages.order_by(DossierStage.at, DossierStage.stage)):
            found[stage.dossier_id].stages.append(stage)
        asked = select(Supplement).where(Supplement.dossier_id.in_(ids))
        for supplement in session.scalars(asked.order_by(Supplement.number)):
            found[supplement.dossier_id].supplements.append(supplement)
        extended = select(Extension).where(Extension.dossier_id.in_(ids))
        for extension in session.scalars(extended.order_by(Extension.number)):
            found[extension.dossier_id].extensions.append(extension)
    return found


def _reports_progress(dossier: Dossier, facts: DossierFacts) -> bool:
    reported = facts.stage
    has_stage = reported is not None and not (reported.is_seen and reported.stage == dossier.stage)
    return has_stage or bool(facts.supplements or facts.extensions)


def first_progress(facts: DossierFacts) -> Progress:
    """The progress of a new dossier."""
    if facts.stage is None and not facts.supplements and not facts.extensions:
        return PLAIN[facts.finished is not None]
    return Progress(
        facts.present_stage,
        _list(facts.stage_reached),
        further_supplements(facts.supplements) if facts.supplements else (),
        further_extensions(facts.extensions) if facts.extensions else (),
    )


def further_progress(dossier: Dossier, facts: DossierFacts, known: Known | None) -> Progress:
    """The new progress of a known dossier."""
    if facts.stage is None and known is None:
        return Progress(_end(dossier, facts))
    known = known or Known()
    latest = local_day(known.stages[-1].at if known.stages else dossier.received_at)
    return Progress(
        _present(dossier, facts, latest),
        _list(_reached(dossier, facts, known.stages, latest)),
        further_supplements(facts.supplements, known.supplements),
        further_extensions(facts.extensions, known.extensions),
    )


def _list(reached: StageFacts | None) -> Sequence[StageFacts]:
    return () if reached is None else (reached,)


def _present(dossier: Dossier, facts: DossierFacts, latest: date) -> Stage:
    """The current stage: a return ends a dossier; else the newest stage, never an older file's."""
    reported = facts.stage
    runs = facts.finished is None and dossier.finished_at is None
    if not runs or reported is None or reported.at.day < latest:
        return _end(dossier, facts)
    return reported.stage


def _end(dossier: Dossier, facts: DossierFacts) -> Stage:
    """The end stage if the facts end the dossier; else the stage that it has."""
    is_ended = facts.stage is None and dossier.stage in END_STAGES
    if facts.finished is None or is_ended:
        return Stage(dossier.stage)
    return facts.present_stage


def _reached(
    dossier: Dossier, facts: DossierFacts, stages: Sequence[DossierStage], latest: date
) -> StageFacts | None:
    """The stage to be added; None if it is known, or observed by an older file."""
    reported, reached = facts.stage, facts.stage_reached
    if reported is not None and reported.is_seen:
        if facts.finished is None:
            # RECEIVED can also occur again after another stage.
            reached = None if dossier.finished_at or reported.at.day < latest else reported
        if reported.stage == dossier.stage:
            reached = None
    is_known = reached is not None and any(
        one.stage == reached.stage
        and _is_same(reached.at, timestamp_of(one.at, has_time=one.has_time))
        for one in stages
    )
    return None if is_known else reached


def _is_same(new: Timestamp, old: Timestamp) -> bool:
    return new.is_no_more_exact_than(old) or old.is_no_more_exact_than(new)


def further_supplements(
    reported: Sequence[SupplementFacts], known: Sequence[Supplement] = ()
) -> list[Entry]:
    """New or updated supplements of a dossier, compared with the known ones."""
    entries, unmatched, number = [], list(known), len(known)
    for fact in reported:
        match = next((one for one in unmatched if _is_supplement(one, fact)), None)
        if match is None:
            number += 1
            entries.append(Entry(number, None, _supplement_values(fact), fact.text or None))
            continue
        unmatched.remove(match)
        values = _supplement_values(fact)
        if fact.asked.is_no_more_exact_than(_asked(match)):
            values |= {"asked_at": None, "asked_has_time": None}
        entries += _differing(match, values, fact.text if fact.text != match.text else "")
    return entries


def further_extensions(
    reported: Sequence[ExtensionFacts], known: Sequence[Extension] = ()
) -> list[Entry]:
    """New or updated extensions of a dossier, compared with the known ones."""
    entries, unmatched, number = [], list(known), len(known)
    for fact in reported:
        match = next((one for one in unmatched if _is_extension(one, fact)), None)
        if match is None:
            number += 1
            entries.append(Entry(number, None, _extension_values(fact), fact.reason or None))
            continue
        unmatched.remove(match)
        words = fact.reason if fact.reason != match.reason else ""
        entries += _differing(match, _extension_values(fact), words)
    return entries


def _is_supplement(known: Supplement, fact: SupplementFacts) -> bool:
    if known.source_id and fact.source_id:
        return known.source_id == fact.source_id
    return local_day(known.asked_at) == fact.asked.day


def _is_extension(known: Extension, fact: ExtensionFacts) -> bool:
    if known.letter_at is not None and fact.letter is not None:
        return local_day(known.letter_at) == fact.letter.day
    return local_day(known.new_due_at) == fact.new_due.day


def _supplement_values(fact: SupplementFacts) -> dict[str, Any]:
    return {
        "source_id": fact.source_id,
        "asked_at": fact.asked.instant,
        "asked_has_time": fact.asked.clock is not None,
        "asked_by": fact.asked_by,
        "old_due_at": fact.old_due and fact.old_due.instant,
        "new_due_at": fact.new_due and fact.new_due.instant,
    }


def _extension_values(fact: ExtensionFacts) -> dict[str, Any]:
    return {
        "letter_at": fact.letter and fact.letter.instant,
        "new_due_at": fact.new_due.instant,
        "signer": fact.signer,
    }


def _asked(known: Supplement) -> Timestamp:
    return timestamp_of(known.asked_at, has_time=known.asked_has_time)


def _differing(known: Supplement | Extension, values: Mapping[str, Any], words: str) -> list[Entry]:
    """The reported values that differ from a known entry: one update, or none."""
    fresh = {
        name: value
        for name, value in values.items()
        if value not in (None, "") and value != getattr(known, name)
    }
    return [Entry(known.number, known, fresh, words or None)] if fresh or words else []

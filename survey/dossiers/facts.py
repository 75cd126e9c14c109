"""What a source says of one dossier, be it a row of a file, a call or a record of the feed.

What a source leaves out is None or empty, and then changes nothing.
"""

from datetime import datetime
from typing import NamedTuple

from survey.dossiers.timestamps import Timestamp
from survey.messages.phone import MISSING, Phone
from survey.models.stage import END_STAGES, Source, Stage


class StageFacts(NamedTuple):
    """A stage and when it began; `is_seen`: only the day is known on which it was seen."""

    stage: Stage
    at: Timestamp
    is_seen: bool = False


class SupplementFacts(NamedTuple):
    """One request for further papers, known by its id or else by its day."""

    asked: Timestamp
    source_id: str = ""
    text: str = ""
    asked_by: str = ""
    old_due: Timestamp | None = None
    new_due: Timestamp | None = None


class ExtensionFacts(NamedTuple):
    """One new due date, known by the day of its letter or else by itself."""

    new_due: Timestamp
    letter: Timestamp | None = None
    reason: str = ""
    signer: str = ""


class OfficerFacts(NamedTuple):
    """An officer: the code in the one-stop software (else the name), and the name."""

    code: str
    name: str = ""


class DossierFacts(NamedTuple):
    """All that a source says of one dossier. Codes are clean, agencies and procedures known."""

    code: str
    agency_id: int
    procedure_code: str
    # Channel and Outcome of the model; unknown and open say nothing.
    channel: str
    outcome: str
    received: Timestamp
    due: Timestamp | None
    # When the result was returned; None: it still runs.
    finished: Timestamp | None
    phone: Phone
    name: str
    stage: StageFacts | None = None
    first_due: Timestamp | None = None
    applicant_kind: str = ""
    return_channel: str = ""
    receiving_agency_id: int | None = None
    officer: OfficerFacts | None = None
    supplements: tuple[SupplementFacts, ...] = ()
    extensions: tuple[ExtensionFacts, ...] = ()
    source: Source = Source.FILE
    # When the source last changed it, where it says so.
    changed_at: datetime | None = None

    def without_personal_data(self) -> "DossierFacts":
        """The same without the applicant's number and name, and without what officials wrote."""
        return self._replace(
            phone=MISSING,
            name="",
            supplements=tuple(one._replace(text="") for one in self.supplements),
            extensions=tuple(one._replace(reason="") for one in self.extensions),
        )

    @property
    def names_more(self) -> bool:
        """Whether it says anything of the columns that most files do not have."""
        named = (self.officer, self.applicant_kind, self.return_channel, self.receiving_agency_id)
        return any(named) or bool(self.first_due or self.supplements or self.changed_at)

    @property
    def present_stage(self) -> Stage:
        """Where it stands if nothing else is known of it."""
        if self.finished is not None:
            ended = self.stage is not None and self.stage.stage in END_STAGES
            return self.stage.stage if self.stage is not None and ended else Stage.RETURNED
        return Stage.RECEIVED if self.stage is None else self.stage.stage

    @property
    def named_first_due(self) -> Timestamp | None:
        """The first due date: named as such, or the one before the earliest supplement."""
        if self.first_due is not None or not self.supplements:
            return self.first_due
        earlier = [one for one in self.supplements if one.old_due is not None]
        return min(earlier, key=lambda one: one.asked.day).old_due if earlier else None

    @property
    def stage_reached(self) -> StageFacts | None:
        """The stage to be stored; None where the dossier's receipt or return says as much."""
        reported = self.stage
        if reported is None or self._is_return(reported) or self._is_receipt(reported):
            return None
        if reported.is_seen and self.finished is not None:
            return (
                StageFacts(reported.stage, self.finished) if reported.stage in END_STAGES else None
            )
        return reported

    def _is_return(self, reported: StageFacts) -> bool:
        return reported.stage is Stage.RETURNED and self.finished is not None

    def _is_receipt(self, reported: StageFacts) -> bool:
        is_same = reported.is_seen or reported.at.day == self.received.day
        return reported.stage is Stage.RECEIVED and is_same

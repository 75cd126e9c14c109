"""Facts that a source reports about one dossier: a row of a file, an API call, a feed record.

What a source leaves out is None or empty, and changes nothing.
"""

from datetime import datetime
from typing import NamedTuple

from survey.dossiers.timestamps import Timestamp
from survey.messages.phone import MISSING, Phone
from survey.models.stage import END_STAGES, Source, Stage


class StageFacts(NamedTuple):
    """A stage and when it began; `is_seen`: `at` is only the day on which it was observed."""

    stage: Stage
    at: Timestamp
    is_seen: bool = False


class SupplementFacts(NamedTuple):
    """One request for further papers, identified by its source id, or else by its day."""

    asked: Timestamp
    source_id: str = ""
    text: str = ""
    asked_by: str = ""
    old_due: Timestamp | None = None
    new_due: Timestamp | None = None


class ExtensionFacts(NamedTuple):
    """One extension, identified by the day of its letter, or else by the new due date."""

    new_due: Timestamp
    letter: Timestamp | None = None
    reason: str = ""
    signer: str = ""


class OfficerFacts(NamedTuple):
    """An officer: the code in the one-stop software (else the name), and the name."""

    code: str
    name: str = ""


class DossierFacts(NamedTuple):
    """All that a source reports about one dossier; codes are clean, agency and procedure known."""

    code: str
    agency_id: int
    procedure_code: str
    # Values of Channel and Outcome; `unknown` and `open` mean not reported.
    channel: str
    outcome: str
    received: Timestamp
    due: Timestamp | None
    # When the result was returned; None while the dossier is open.
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
    # When the source last changed it, where reported.
    changed_at: datetime | None = None

    def without_personal_data(self) -> "DossierFacts":
        """A copy without the applicant's phone and name, and without officials' free text."""
        return self._replace(
            phone=MISSING,
            name="",
            supplements=tuple(one._replace(text="") for one in self.supplements),
            extensions=tuple(one._replace(reason="") for one in self.extensions),
        )

    @property
    def names_more(self) -> bool:
        """Whether it has data for the columns that most files lack."""
        named = (self.officer, self.applicant_kind, self.return_channel, self.receiving_agency_id)
        return any(named) or bool(self.first_due or self.supplements or self.changed_at)

    @property
    def present_stage(self) -> Stage:
        """The current stage by these facts alone."""
        if self.finished is not None:
            ended = self.stage is not None and self.stage.stage in END_STAGES
            return self.stage.stage if self.stage is not None and ended else Stage.RETURNED
        return Stage.RECEIVED if self.stage is None else self.stage.stage

    @property
    def named_first_due(self) -> Timestamp | None:
        """The first due date: reported as such, or the due date before the earliest supplement."""
        if self.first_due is not None or not self.supplements:
            return self.first_due
        earlier = [one for one in self.supplements if one.old_due is not None]
        return min(earlier, key=lambda one: one.asked.day).old_due if earlier else None

    @property
    def stage_reached(self) -> StageFacts | None:
        """The stage to be stored; None if the dates of receipt or return already express it."""
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

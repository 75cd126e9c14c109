"""Officers named on dossiers: found by agency and code, added if they are new."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.dossiers.facts import DossierFacts
from survey.models.officer import Officer

Key = tuple[int, str]


class Officers:
    """The officers of all agencies in a list of facts."""

    def __init__(self, session: Session, facts: Iterable[DossierFacts]) -> None:
        self.session = session
        self.named = [one for one in facts if one.officer is not None]
        agencies = {one.agency_id for one in self.named}
        query = select(Officer).where(Officer.agency_id.in_(agencies))
        rows = session.scalars(query).all() if agencies else ()
        self.known: dict[Key, Officer] = {(one.agency_id, one.code): one for one in rows}

    def id_of(self, facts: DossierFacts) -> int | None:
        """The id of the officer that facts name; None if none is named or known."""
        if facts.officer is None:
            return None
        officer = self.known.get((facts.agency_id, facts.officer.code))
        return None if officer is None else officer.id

    def add_missing(self) -> None:
        """Add new officers, and update names that are new or have changed."""
        for one in self.named:
            if one.officer is None:
                continue
            key = (one.agency_id, one.officer.code)
            officer = self.known.get(key)
            if officer is None:
                officer = Officer(agency_id=one.agency_id, code=one.officer.code, name="")
                self.session.add(officer)
                self.known[key] = officer
            if one.officer.name and officer.name != one.officer.name:
                officer.name = one.officer.name
        self.session.flush()

"""Reference data read from the database before an import: catalogue and header words."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors import Refused
from survey.intake.catalogue import AgencyEntry, Catalogue, ProcedureEntry
from survey.intake.columns import HeaderWords
from survey.models.organisation import Agency, AgencyAlias, HeaderAlias, Procedure


def read_header_words(session: Session) -> HeaderWords:
    """Header words in order of priority; Refused `no_province` without reference data."""
    query = select(HeaderAlias.field, HeaderAlias.alias).order_by(HeaderAlias.rank)
    aliases = session.execute(query).all()
    if not aliases:
        raise Refused("no_province")
    return HeaderWords.build(aliases)


def read_catalogue(session: Session) -> Catalogue:
    """The current procedures, agencies and aliases."""
    procedures = select(Procedure.code, Procedure.name, Procedure.sector_code)
    agencies = select(Agency.code, Agency.name, Agency.valid_from, Agency.valid_to, Agency.id)
    aliases = select(AgencyAlias.alias, Agency.code).join(Agency)
    return Catalogue.build(
        [ProcedureEntry(*row) for row in session.execute(procedures)],
        [AgencyEntry(*row) for row in session.execute(agencies)],
        session.execute(aliases).all(),
    )

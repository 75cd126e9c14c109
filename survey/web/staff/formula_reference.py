"""Index cards: what each figure means, how it is computed, and what it does not say."""

from flask import render_template

from survey.catalogues import gettext, speaking
from survey.reports import formula_reference
from survey.web.staff.errors import staff_blueprint

blueprint = staff_blueprint("index_cards", __name__, "/staff/index-cards")


@blueprint.get("")
def show_all() -> str:
    """Every card, by its title."""
    return render_template("staff/cards/list.html", formula_reference=formula_reference.FORMULAS)


@blueprint.get("/<name>")
def show(name: str) -> str:
    """One formula with a worked example."""
    one = formula_reference.formula(name)
    with speaking("en"):  # as a statistician elsewhere would cite it
        english = gettext(one.formula)
    return render_template(
        "staff/cards/show.html", formula=one, example=one.example(), english=english
    )

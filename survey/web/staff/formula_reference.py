"""Formula reference: what each figure means, how it is computed, and its limits."""

from flask import render_template

from survey.catalogues import gettext, speaking
from survey.reports import formula_reference
from survey.web.staff.errors import staff_blueprint

blueprint = staff_blueprint("formula_reference", __name__, "/staff/formulas")


@blueprint.get("")
def show_all() -> str:
    """Every formula, by title."""
    return render_template("staff/formula_reference/list.html", formulas=formula_reference.FORMULAS)


@blueprint.get("/<name>")
def show(name: str) -> str:
    """One formula with a worked example."""
    one = formula_reference.formula(name)
    with speaking("en"):  # the English citation for statisticians elsewhere
        english = gettext(one.formula)
    return render_template(
        "staff/formula_reference/show.html", formula=one, example=one.example(), english=english
    )

"""What all forms of staff share: where their fields come from, and whose sentences are shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

from markupsafe import Markup
from wtforms import Field, Form
from wtforms.fields import SelectChoice
from wtforms.validators import StopValidation
from wtforms.widgets import TextArea

from survey.catalogues import SOURCE
from survey.errors import SurveyError
from survey.web.forms import sent_fields
from survey.wording import words_for


def choices(
    words: Mapping[Any, object], names: Mapping[str, str] = MappingProxyType({})
) -> list[SelectChoice]:
    """The choices of a field from value → what people read; names stand in Vietnamese."""
    known = [SelectChoice(value, label) for value, label in words.items()]
    named = [SelectChoice(value, name, {"lang": SOURCE}) for value, name in names.items()]
    return known + named


class StaffForm(Form):  # type: ignore[misc]  # WTForms has no types
    """A form of the staff area: what was sent, and what is wrong with it, field by field.

    It has no CSRF field of its own: the guard has checked the token of the request before its page.
    """

    # Code of a refusal that only a feature finds → the field it stands beside.
    FIELD_OF_REFUSAL: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def sent(cls, **given: Any) -> Self:  # noqa: ANN401 - a default for any field
        """The form as the browser sent it; `given` are values of fields that it does not hold."""
        return cls(sent_fields(), **given)

    def explain(self, refusal: SurveyError) -> None:
        """Put the sentence of a refusal beside its field, or above the form."""
        name = self.FIELD_OF_REFUSAL.get(refusal.code)
        if name is None:
            self.form_errors.append(words_for(refusal))
        else:
            self[name].errors = [*self[name].errors, words_for(refusal)]

    @property
    def fault(self) -> str:
        """The first sentence of what is wrong; empty when nothing is."""
        found = [*self.form_errors, *(one for field in self for one in field.errors)]
        return str(found[0]) if found else ""


class Lines(TextArea):  # type: ignore[misc]  # the same
    """A box of several lines that holds what was typed, in Vietnamese as what offices write, and no
    line end before it.
    """

    def __call__(self, field: Field, **attributes: Any) -> Markup:  # noqa: ANN401 - of HTML
        """The box as HTML."""
        box = str(super().__call__(field, **{"lang": SOURCE, **attributes}))
        return Markup(box.replace(">\r\n", ">", 1))  # noqa: S704 - escaped by WTForms


class Needed:
    """A validator: the field holds more than blanks. It gives the input its `required`."""

    field_flags: ClassVar[Mapping[str, object]] = {"required": True}

    def __init__(self, message: object) -> None:
        self.message = message

    def __call__(self, _form: Form, field: Field) -> None:
        """Stop at an empty field, with one sentence instead of all that follow from it."""
        if not field.data or (isinstance(field.data, str) and not field.data.strip()):
            raise StopValidation(self.message)

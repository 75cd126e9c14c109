"""Base of all staff forms: where fields come from, and how errors are shown."""

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
    """The choices of a field: value → label; names are marked as Vietnamese."""
    known = [SelectChoice(value, label) for value, label in words.items()]
    named = [SelectChoice(value, name, {"lang": SOURCE}) for value, name in names.items()]
    return known + named


class StaffForm(Form):  # type: ignore[misc]  # WTForms has no types
    """A form of the staff area: what was sent, and the errors of each field.

    It has no CSRF field: the guard has checked the request's token before the page.
    """

    # Code of an error that only a feature finds → the field it belongs to.
    FIELD_OF_REFUSAL: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def sent(cls, **given: Any) -> Self:  # noqa: ANN401 - a default for any field
        """The form as the browser sent it; `given` are values of fields not in the request."""
        return cls(sent_fields(), **given)

    def explain(self, refusal: SurveyError) -> None:
        """Put the sentence of an error beside its field, or above the form."""
        name = self.FIELD_OF_REFUSAL.get(refusal.code)
        if name is None:
            self.form_errors.append(words_for(refusal))
        else:
            self[name].errors = [*self[name].errors, words_for(refusal)]

    @property
    def fault(self) -> str:
        """The first error; empty if there is none."""
        found = [*self.form_errors, *(one for field in self for one in field.errors)]
        return str(found[0]) if found else ""


class Lines(TextArea):  # type: ignore[misc]  # the same
    """A text area with what was typed, marked as Vietnamese like all texts of offices.

    The line end that WTForms puts before the text is removed.
    """

    def __call__(self, field: Field, **attributes: Any) -> Markup:  # noqa: ANN401 - of HTML
        """The text area as HTML."""
        box = str(super().__call__(field, **{"lang": SOURCE, **attributes}))
        return Markup(box.replace(">\r\n", ">", 1))  # noqa: S704 - escaped by WTForms


class Needed:
    """A validator: the field must not be blank. It gives the input its `required` attribute."""

    field_flags: ClassVar[Mapping[str, object]] = {"required": True}

    def __init__(self, message: object) -> None:
        self.message = message

    def __call__(self, _form: Form, field: Field) -> None:
        """Stop at an empty field, so that no further errors follow from it."""
        if not field.data or (isinstance(field.data, str) and not field.data.strip()):
            raise StopValidation(self.message)

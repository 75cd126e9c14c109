"""The HTML page as PDF: tagged for screen readers (PDF/UA-1), fonts embedded, nothing fetched."""

import logging
from pathlib import Path

import matplotlib as mpl

from survey.errors import Refused

try:
    import weasyprint
except OSError:  # the package is installed, but the system's Pango is not
    weasyprint = None

# matplotlib ships DejaVu, so that a machine without fonts still prints Vietnamese.
SPARE_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
SPARE = "".join(
    f'@font-face {{ font-family: "{family}"; src: url("{(SPARE_FONTS / name).as_uri()}");'
    f" font-weight: {weight}; font-style: {style} }}"
    for family, name, weight, style in (
        ("Spare", "DejaVuSerif.ttf", "normal", "normal"),
        ("Spare", "DejaVuSerif-Bold.ttf", "bold", "normal"),
        ("Spare", "DejaVuSerif-Italic.ttf", "normal", "italic"),
        ("Spare", "DejaVuSerif-BoldItalic.ttf", "bold", "italic"),
        ("Signs", "DejaVuSans.ttf", "normal", "normal"),
    )
)


def is_available() -> bool:
    """Whether PDF is available on this machine."""
    return weasyprint is not None


def render(page: str) -> bytes:
    """Print a page; Refused `pdf_not_available` if Pango is not installed."""
    if weasyprint is None:
        raise Refused("pdf_not_available")
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it logs every step of subsetting
    fonts = weasyprint.text.fonts.FontConfiguration()
    own_files = weasyprint.urls.URLFetcher(allowed_protocols=("file",))
    spare = weasyprint.CSS(string=SPARE, font_config=fonts, url_fetcher=own_files)
    inside = weasyprint.urls.URLFetcher(allowed_protocols=("data",))
    printed: bytes = weasyprint.HTML(string=page, url_fetcher=inside).write_pdf(
        stylesheets=[spare], font_config=fonts, pdf_variant="pdf/ua-1"
    )
    return printed

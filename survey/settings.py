"""Typed settings, read from the environment only here; production stops at wrong or weak ones."""

import base64
import binascii
import contextlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from survey.catalogues import LANGUAGES, SOURCE
from survey.errors import Invalid

ROOT = Path(__file__).resolve().parent.parent
KEY_BYTES = 32
SHORTEST_TOKEN = 20
HIGHEST_PORT = 65535
# Characters that the path of a URL holds without escaping.
IN_A_PATH = re.compile(r"[\w.~-]*", re.ASCII)
LOG_LEVELS = ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL")
PROVIDERS = ("console", "twilio", "kannel")
BROKERS = ("amqp://", "amqps://", "redis://", "rediss://")
DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")
# The number to which the phone of a demo replies; that phone is simulated.
DEMO_REPLY_NUMBER = "8099"
# Most characters of a link's origin (scheme and host), so that an invitation is one SMS segment.
LONGEST_ORIGIN = 42
_HOST = re.compile(r"[\w.:-]+", re.ASCII)
LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True, slots=True)
class Fault:
    """A setting that is wrong (`fatal`) or merely unwise in production."""

    name: str
    reason: str
    fatal: bool = True


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """Credentials and API address of Twilio; two tokens are accepted while one is rotated."""

    account_sid: str = ""
    auth_token: str = ""
    auth_token_old: str = ""
    messaging_service_sid: str = ""
    sender: str = ""
    api_base: str = ""
    two_way: bool = False


@dataclass(frozen=True, slots=True)
class KannelSettings:
    """Address and credentials of a Kannel gateway."""

    send_url: str = ""
    username: str = ""
    password: str = ""
    webhook_secret: str = ""
    two_way: bool = True


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """The provider, its rate (messages a second) and its budgets (segments a day, a month)."""

    provider: str = "console"
    console_file: Path = ROOT / "instance" / "sms.jsonl"
    reply_number: str = ""
    daily_budget: int | None = None
    monthly_budget: int | None = None
    rate: int = 50
    twilio: TwilioSettings = TwilioSettings()
    kannel: KannelSettings = KannelSettings()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the environment, parsed once."""

    database_url: str
    secret_key: str
    data_key: str
    public_url: str
    data_keys_old: tuple[str, ...] = ()
    province: str = "khanh_hoa"
    port: int = 8000
    demo: bool = False
    sms: SmsSettings = SmsSettings()
    celery_broker_url: str = ""
    require_2fa: bool = True
    log_level: str = "INFO"
    # Language of commands.
    language: str = SOURCE
    # Bearer token that requests for /metrics need; without one that page is 404.
    metrics_token: str = ""
    # Proxies on other machines whose X-Forwarded-For header is trusted.
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    unreadable: tuple[Fault, ...] = ()

    @property
    def is_rehearsal(self) -> bool:
        """Whether this is a demo with the console provider.

        Then messages have no delay, the send window is always open, and one phone may be asked
        again at once.
        """
        return self.demo and self.sms.provider == "console"

    def faults(self) -> list[Fault]:
        """Every wrong or weak setting; an empty list when there is none."""
        found = list(self.unreadable)
        found += _key_faults(self)
        found += _url_faults(self)
        found += _provider_faults(self.sms)
        if not self.database_url.startswith(DATABASES):
            found.append(Fault("DATABASE_URL", "must begin with postgresql:// or sqlite:///"))
        if self.database_url.startswith("sqlite"):
            found.append(
                Fault(
                    "DATABASE_URL",
                    "SQLite serves one machine; use PostgreSQL for a province",
                    fatal=False,
                )
            )
        if self.celery_broker_url and not self.celery_broker_url.startswith(BROKERS):
            found.append(Fault("CELERY_BROKER_URL", f"must begin with {' or '.join(BROKERS)}"))
        if 0 < len(self.metrics_token) < SHORTEST_TOKEN:
            found.append(Fault("METRICS_TOKEN", f"needs at least {SHORTEST_TOKEN} characters"))
        if not self.require_2fa:
            found.append(Fault("REQUIRE_2FA", "staff sign in without a second factor", fatal=False))
        return found

    def check(self) -> None:
        """Raise Invalid `bad_settings` with every fatal fault in production (DEMO is not 1)."""
        fatal = [fault for fault in self.faults() if fault.fatal]
        if fatal and not self.demo:
            raise Invalid(
                "bad_settings", "; ".join(f"{fault.name}: {fault.reason}" for fault in fatal)
            )


def decode_key(text: str) -> bytes | None:
    """The 32 bytes of a key in URL-safe base64; None when the text is no such key."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == KEY_BYTES else None


def _is_weak(raw: bytes) -> bool:
    return len(set(raw)) < KEY_BYTES // 3 or raw == bytes(range(KEY_BYTES))


def _key_faults(settings: Settings) -> list[Fault]:
    found = []
    for name, text in (("SECRET_KEY", settings.secret_key), ("DATA_KEY", settings.data_key)):
        raw = decode_key(text)
        if not text:
            found.append(Fault(name, "is missing: set 32 random bytes in URL-safe base64"))
        elif raw is None:
            found.append(Fault(name, "must be exactly 32 bytes in URL-safe base64"))
        elif _is_weak(raw):
            found.append(Fault(name, "is a default or too regular: draw 32 random bytes"))
    # Compared after decoding, since a key is the same with and without padding.
    if settings.secret_key and decode_key(settings.secret_key) == decode_key(settings.data_key):
        found.append(Fault("DATA_KEY", "must differ from SECRET_KEY"))
    if any(decode_key(text) is None for text in settings.data_keys_old):
        found.append(
            Fault(
                "DATA_KEYS_OLD", "each key must be 32 bytes in URL-safe base64, separated by commas"
            )
        )
    return found


def _is_address(url: str, *, is_origin: bool = False) -> bool:
    """Whether a text is an http or https URL; with `is_origin` of scheme, host and port only."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_plain = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    is_reachable = parts.scheme in {"http", "https"} and port != 0
    is_written_plainly = _HOST.fullmatch(parts.hostname or "") is not None
    return is_reachable and is_written_plainly and (is_plain or not is_origin)


def _url_faults(settings: Settings) -> list[Fault]:
    if not settings.public_url:
        return [
            Fault(
                "PUBLIC_URL",
                "is missing: the origin citizens open, such as https://danhgia.tinh.gov.vn",
            )
        ]
    if not _is_address(settings.public_url, is_origin=True):
        return [Fault("PUBLIC_URL", "must be an origin (scheme and host, no path)")]
    if len(settings.public_url) > LONGEST_ORIGIN:
        reason = f"has {len(settings.public_url)} characters; a link fits into one SMS up to"
        return [Fault("PUBLIC_URL", f"{reason} {LONGEST_ORIGIN}")]
    if settings.public_url.startswith("http:"):
        local = urlsplit(settings.public_url).hostname in LOOPBACK
        return [
            Fault("PUBLIC_URL", "must be https (http is for this machine only)", fatal=not local)
        ]
    return []


def _provider_faults(sms: SmsSettings) -> list[Fault]:
    if sms.provider not in PROVIDERS:
        return [Fault("SMS_PROVIDER", f"must be one of {', '.join(PROVIDERS)}")]
    if sms.provider == "console":
        return [
            Fault("SMS_PROVIDER", "the console provider sends nothing to citizens", fatal=False)
        ]
    if sms.provider == "twilio":
        wanted = {
            "TWILIO_ACCOUNT_SID": sms.twilio.account_sid,
            "TWILIO_AUTH_TOKEN": sms.twilio.auth_token,
            "TWILIO_MESSAGING_SERVICE_SID": sms.twilio.messaging_service_sid or sms.twilio.sender,
        }
    else:
        wanted = {
            "KANNEL_SEND_URL": sms.kannel.send_url,
            "KANNEL_USERNAME": sms.kannel.username,
            "KANNEL_PASSWORD": sms.kannel.password,
            "KANNEL_WEBHOOK_SECRET": sms.kannel.webhook_secret,
        }
    missing = [
        Fault(name, f"is missing for SMS_PROVIDER={sms.provider}")
        for name, value in wanted.items()
        if not value
    ]
    return missing + _misspelt(sms)


def _misspelt(sms: SmsSettings) -> list[Fault]:
    """Faults of the providers' URLs and of the secret in the path of our webhook."""
    found = [
        Fault(name, "must be an address that begins with http:// or https://")
        for name, url in (
            ("TWILIO_API_BASE", sms.twilio.api_base),
            ("KANNEL_SEND_URL", sms.kannel.send_url),
        )
        if url and not _is_address(url)
    ]
    if not IN_A_PATH.fullmatch(sms.kannel.webhook_secret):
        found.append(Fault("KANNEL_WEBHOOK_SECRET", "may hold letters, digits and - . _ ~ only"))
    return found


class _Reader:
    """Parses values of the environment and collects those that cannot be parsed as faults."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.unreadable: list[Fault] = []

    def text(self, name: str, default: str = "") -> str:
        return self.env.get(name, default).strip()

    def number(self, name: str, default: int, most: int = 10**9) -> int:
        text = self.text(name) or str(default)
        is_short = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if is_short and 0 < int(text) <= most:
            return int(text)
        self.unreadable.append(Fault(name, f"must be a whole number from 1 to {most}"))
        return default

    def limit(self, name: str) -> int | None:
        return self.number(name, 1) if self.text(name) else None

    def choice(self, name: str, known: tuple[str, ...]) -> str:
        text = self.text(name).upper() or known[0]
        if text in known:
            return text
        self.unreadable.append(Fault(name, f"must be one of {', '.join(known)}"))
        return known[0]

    def networks(self, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
        try:
            return tuple(ip_network(part) for part in self.text(name).replace(",", " ").split())
        except ValueError:
            self.unreadable.append(
                Fault(name, "must be addresses or networks such as 10.0.0.5 or 10.0.0.0/24")
            )
            return ()

    def switch(self, name: str, *, default: bool) -> bool:
        text = self.text(name) or ("1" if default else "0")
        if text not in {"0", "1"}:
            self.unreadable.append(Fault(name, "must be 0 or 1"))
            return default
        return text == "1"


def _demo_keys() -> dict[str, str]:
    """The keys of a demo, which it creates once and stores beside its database."""
    path = ROOT / "instance" / "keys.json"
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        names = ("SECRET_KEY", "DATA_KEY")
        fresh = {
            name: base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
            for name in names
        }
        with contextlib.suppress(FileExistsError):  # another process was first: its keys are used
            draft = path.with_name(f"keys.{os.getpid()}.json")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(fresh))
            try:
                os.link(draft, path)
            finally:
                draft.unlink()
    keys: dict[str, str] = json.loads(path.read_text())
    return keys


def _sms_settings(read: _Reader, *, demo: bool) -> SmsSettings:
    provider = read.text("SMS_PROVIDER", "console") or "console"
    is_played = demo and provider == "console"
    return SmsSettings(
        provider=provider,
        console_file=Path(read.text("SMS_CONSOLE_FILE") or ROOT / "instance" / "sms.jsonl"),
        reply_number=read.text("SMS_REPLY_NUMBER") or (DEMO_REPLY_NUMBER if is_played else ""),
        daily_budget=read.limit("SMS_DAILY_BUDGET"),
        monthly_budget=read.limit("SMS_MONTHLY_BUDGET"),
        rate=read.number("SMS_RATE", 50),
        twilio=TwilioSettings(
            account_sid=read.text("TWILIO_ACCOUNT_SID"),
            auth_token=read.text("TWILIO_AUTH_TOKEN"),
            auth_token_old=read.text("TWILIO_AUTH_TOKEN_OLD"),
            messaging_service_sid=read.text("TWILIO_MESSAGING_SERVICE_SID"),
            sender=read.text("TWILIO_FROM"),
            api_base=read.text("TWILIO_API_BASE").rstrip("/"),
            two_way=read.switch("TWILIO_TWO_WAY", default=False),
        ),
        kannel=KannelSettings(
            send_url=read.text("KANNEL_SEND_URL"),
            username=read.text("KANNEL_USERNAME"),
            password=read.text("KANNEL_PASSWORD"),
            webhook_secret=read.text("KANNEL_WEBHOOK_SECRET"),
            two_way=read.switch("KANNEL_TWO_WAY", default=True),
        ),
    )


def _language(wanted: str) -> str:
    """The first known language in a list in gettext's format of LANGUAGE, such as `en_GB:en`.

    LANG is not read: servers are set up in English without anybody having chosen that.
    """
    codes = (re.split(r"[_.@]", name)[0] for name in wanted.split(":"))
    return next((code for code in codes if code in LANGUAGES), SOURCE)


def from_env(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process; nothing is refused here (see `Settings.check`)."""
    read = _Reader(os.environ if env is None else env)
    demo = read.switch("DEMO", default=False)
    port = read.number("PORT", 8000, HIGHEST_PORT)
    keys = {name: read.text(name) for name in ("SECRET_KEY", "DATA_KEY")}
    if demo and not all(keys.values()):
        keys = {name: text or _demo_keys()[name] for name, text in keys.items()}
    old = tuple(part.strip() for part in read.text("DATA_KEYS_OLD").split(",") if part.strip())
    return Settings(
        database_url=read.text("DATABASE_URL") or f"sqlite:///{ROOT / 'instance' / 'langnghe.db'}",
        secret_key=keys["SECRET_KEY"],
        data_key=keys["DATA_KEY"],
        public_url=read.text("PUBLIC_URL").rstrip("/")
        or (f"http://localhost:{port}" if demo else ""),
        data_keys_old=old,
        province=read.text("PROVINCE", "khanh_hoa") or "khanh_hoa",
        port=port,
        demo=demo,
        sms=_sms_settings(read, demo=demo),
        celery_broker_url=read.text("CELERY_BROKER_URL"),
        require_2fa=read.switch("REQUIRE_2FA", default=not demo),
        log_level=read.choice("LOG_LEVEL", LOG_LEVELS),
        language=_language(read.text("LANGUAGE")),
        metrics_token=read.text("METRICS_TOKEN"),
        trusted_proxies=read.networks("TRUSTED_PROXIES"),
        unreadable=tuple(read.unreadable),
    )

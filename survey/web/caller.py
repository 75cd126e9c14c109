"""The client's IP address behind trusted proxies, for rate limiters only; it is never logged."""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import cast

from flask import current_app, request

from survey.settings import Settings

# An IPv6 line has a whole /64 network; limiting single addresses would limit nobody.
LINE_BITS = 64


def address() -> str:
    """The client's address, for IPv6 its /64 network; empty when unknown.

    Only a proxy on this machine or in TRUSTED_PROXIES is trusted to name the client's address.
    """
    settings = cast("Settings", current_app.extensions["settings"])
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    caller = request.remote_addr or ""
    while forwarded and (not caller or _is_ours(caller, settings)):
        before = _plain(forwarded.pop())
        if not before:
            break
        caller = before
    return _line(caller)


def _is_ours(text: str, settings: Settings) -> bool:
    caller = ip_address(text)
    return caller.is_loopback or any(caller in one for one in settings.trusted_proxies)


def _plain(text: str) -> str:
    """The canonical spelling of an address; empty if it is none."""
    try:
        found = ip_address(text.strip())
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def _line(text: str) -> str:
    if ":" not in text:
        return text
    return str(IPv6Network((ip_address(text).packed, LINE_BITS), strict=False))

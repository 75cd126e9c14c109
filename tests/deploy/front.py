"""A real nginx with the shipped file before a server, and browsers at addresses of their own."""

import gzip
import os
import shutil
import socket
import ssl
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.clocks import PATIENCE
from tests.deploy.conftest import ROOT, free_port, serving

HOST = "danhgia.example.vn"
AROUND = """{user}
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;
events {{ worker_connections 2048; }}
http {{
    include {mime};
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/langnghe.conf;
}}
"""


@dataclass(frozen=True)
class Reply:
    """One answer as the browser got it, unpacked."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self):
        """The page as it reads."""
        return self.body.decode()


class Visitor:
    """A browser at one address, over TLS with a verified certificate and one kept connection."""

    def __init__(self, front, address="127.0.0.2"):
        raw = socket.create_connection(
            ("127.0.0.1", front.tls_port), timeout=PATIENCE, source_address=(address, 0)
        )
        context = ssl.create_default_context(cafile=str(front.folder / "cert.pem"))
        self.connection = HTTPConnection(HOST)
        self.connection.sock = context.wrap_socket(raw, server_hostname=HOST)
        self.cookie = ""

    def call(self, method, path, body=None, **headers):
        """One request and its answer."""
        self.ask(method, path, body, **headers)
        return self.hear()

    def ask(self, method, path, body=None, **headers):
        """Send a request, and do not wait for the answer."""
        if self.cookie:
            headers["Cookie"] = self.cookie
        self.connection.request(method, path, body, headers)

    def hear(self):
        """The answer to what was asked; the cookie it brings is kept."""
        answer = self.connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        content = answer.read()
        if received.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        if "set-cookie" in received:
            self.cookie = received["set-cookie"].partition(";")[0]
        return Reply(answer.status, received, content)

    def post(self, path, **fields):
        """Send a form."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.call("POST", path, urlencode(fields), **form)

    def close(self):
        """Hang up."""
        self.connection.close()


@dataclass(frozen=True)
class Front:
    """A running nginx: ports and folder of its files."""

    plain_port: int
    tls_port: int
    folder: Path

    def visitor(self, address="127.0.0.2"):
        """A browser at this address, for the length of a block."""
        return closing(Visitor(self, address))


def certificate(folder):
    """A self-signed certificate for the host of the shipped file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2049, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    kind = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()))


def adapted(folder, plain_port, tls_port, citizens, staff):
    """The shipped file with this run's ports and places, and nothing else changed."""
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    places = [
        ("    listen [::]:80;\n", ""),  # the machine of a test may have no IPv6
        ("    listen [::]:443 ssl http2;\n", ""),
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{tls_port} ssl http2;"),
        ("127.0.0.1:8000", f"127.0.0.1:{citizens.port}"),
        ("127.0.0.1:8001", f"127.0.0.1:{staff.port}"),
        ("/etc/ssl/langnghe/fullchain.pem", f"{folder}/cert.pem"),
        ("/etc/ssl/langnghe/privkey.pem", f"{folder}/key.pem"),
        ("/var/log/nginx/langnghe.log", f"{folder}/access.log"),
        ("/opt/langnghe", str(ROOT)),
    ]
    for shipped, here in places:
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    return text


@contextmanager
def nginx_before(citizens, staff, folder):
    """A real nginx with the adapted file, before a server of citizens' pages and one of staff's."""
    certificate(folder)
    plain, tls = free_port(), free_port()
    (folder / "langnghe.conf").write_text(
        adapted(folder, plain, tls, citizens, staff), encoding="utf-8"
    )
    mime = next(place for place in ("/etc/nginx/mime.types", os.devnull) if Path(place).exists())
    user = "user root;" if os.geteuid() == 0 else ""
    around = AROUND.format(folder=folder, mime=mime, user=user)
    (folder / "nginx.conf").write_text(around, encoding="utf-8")
    command = [find_nginx(), "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    with serving(command, tls, {}, folder / "nginx.log"):
        yield Front(plain, tls, folder)


def find_nginx():
    """The program, which Debian keeps off the path of people without root; None without it."""
    return shutil.which("nginx", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")

"""Real servers from Debian packages that speak TLS, and brokers of MQTT in clear or in TLS.

Certificates and keys are files {chain, key}, as an Authority issues them.
"""

import os
import shutil
from pathlib import Path

from support.programs import RealNginx, Server, find, listens, run


class _Unasked(Server):
    """A server that would take a connection of the test's for a client."""

    def _answers(self) -> bool:
        assert self.process.running(), self.process.log()
        return listens(self.process.pid, self.port)


class RealMosquitto(_Unasked):
    """An MQTT broker that anybody may use; `settings` are further lines of its configuration."""

    def __init__(self, folder: Path, name: str, *settings: str):
        self.settings = settings
        super().__init__(folder, name)

    def command(self):
        config = self.folder / "mosquitto.conf"
        lines = (
            f"listener {self.port} 127.0.0.1", *self.settings, "allow_anonymous true",
            "user root", "log_dest stderr", "log_type all", "",
        )  # fmt: skip
        config.write_text("\n".join(lines))
        return [find("mosquitto"), "-c", config]


class HttpsNginx(RealNginx):
    """An nginx that speaks one version of TLS, and tells at /tls what was agreed on."""

    CONFIG = RealNginx.CONFIG.replace(
        "listen 127.0.0.1:{port} backlog=1024;",
        "listen 127.0.0.1:{port} ssl; ssl_certificate {chain}; ssl_certificate_key {key};"
        " ssl_protocols {version}; location = /tls {{"
        ' return 200 "$ssl_protocol $ssl_server_name $ssl_session_reused\\n"; }}',
    )

    def __init__(self, folder: Path, name: str, files: dict, version: str = "TLSv1.3"):
        self.words = {**files, "version": version}
        super().__init__(folder, name)


class OpensslReverser(_Unasked):
    """`openssl s_server -rev`: each line comes back reversed, one connection after the other.
    Clients need a certificate of the authority `ca`."""

    def __init__(self, folder: Path, name: str, files: dict, ca: Path, version: str):
        self.words = [
            f"-{version}", "-cert", files["chain"], "-key", files["key"], "-CAfile", ca,
            "-Verify", "1", "-verify_return_error",
        ]  # fmt: skip
        super().__init__(folder, name)

    def command(self):
        return [find("openssl"), "s_server", "-accept", self.address, "-rev", *self.words]


class GnutlsEcho(_Unasked):
    """`gnutls-serv --echo`. Clients need a certificate of the authority `ca`."""

    def __init__(self, folder: Path, name: str, files: dict, ca: Path, version: str):
        self.words = [
            "--priority", f"NORMAL:-VERS-ALL:+VERS-{version}", "--x509certfile", files["chain"],
            "--x509keyfile", files["key"], "--x509cafile", ca, "--require-client-cert",
            "--verify-client-cert",
        ]  # fmt: skip
        super().__init__(folder, name)

    def command(self):
        return [find("gnutls-serv"), "--echo", "--port", self.port, *self.words]


class HttpsHaproxy(_Unasked):
    """An haproxy that takes a PROXY header and then TLS from clients with a certificate of `ca`.
    It answers each request with the client's address, the name that was asked for, the TLS
    version, and the common name in the client's certificate."""

    CONFIG = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind {address} accept-proxy ssl crt {pem} ca-file {ca} verify required
  http-request return status 200 content-type text/plain lf-string \
"%[src] %[ssl_fc_sni] %[ssl_fc_protocol] %[ssl_c_s_dn(cn)]\\n"
"""

    def __init__(self, folder: Path, name: str, files: dict, ca: Path):
        self.files, self.ca = files, ca
        super().__init__(folder, name)

    def command(self):
        pem, config = self.folder / "both.pem", self.folder / "haproxy.cfg"
        pem.write_text("".join(Path(self.files[what]).read_text() for what in ("chain", "key")))
        config.write_text(self.CONFIG.format(address=self.address, pem=pem, ca=self.ca))
        return [find("haproxy"), "-db", "-f", config]


class RealPostgres(_Unasked):
    """A PostgreSQL with TLS and one user, `postgres`, with a password."""

    PASSWORD = "secret"

    def __init__(self, folder: Path, name: str, files: dict):
        self.files = files
        super().__init__(folder, name)

    def start(self):
        self.data = self.folder / "data"
        self.as_user = self._unprivileged()
        password = self.folder / "password"
        password.write_text(self.PASSWORD)
        own = {what: shutil.copy(file, self.folder) for what, file in self.files.items()}
        self._hand_over(self.folder, password, *own.values())
        run(
            *self.as_user, _postgres("initdb"), "--pgdata", self.data, "--username", "postgres",
            "--auth", "scram-sha-256", "--pwfile", password, "--no-sync", "--no-locale",
        )  # fmt: skip
        self.settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "ssl": "on", "fsync": "off",
            "ssl_cert_file": own["chain"], "ssl_key_file": own["key"],
            "unix_socket_directories": "",
        }  # fmt: skip
        super().start()

    def command(self):
        words = [word for item in self.settings.items() for word in ("-c", "%s=%s" % item)]
        return [*self.as_user, _postgres("postgres"), "-D", self.data, *words]

    def _unprivileged(self) -> list[str]:
        """Before commands that root may not run: PostgreSQL refuses to."""
        if os.getuid() != 0:
            return []
        return [
            find("setpriv"), "--reuid", "postgres", "--regid", "postgres", "--clear-groups",
            "--pdeathsig", "KILL",
        ]  # fmt: skip

    def _hand_over(self, *paths):
        if self.as_user:
            self.folder.parent.chmod(0o711)  # on the way to its own
            for path in paths:
                shutil.chown(path, "postgres", "postgres")


def _postgres(program: str) -> Path:
    """Debian keeps the programs of a server with its version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    assert found, f"{program} of PostgreSQL is not installed"
    return found[-1]

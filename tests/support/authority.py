"""A certificate authority of a test, by the openssl program."""

import ssl
from pathlib import Path

from support.programs import find, run


class Authority:
    """Makes certificates that `ca` has signed, in one folder."""

    def __init__(self, folder: Path, name: str = "root"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.ca,
        )  # fmt: skip

    def issue(self, name: str, *alternatives: str, days: int = 2, kind: str = "ec") -> dict:
        """Files {chain, key} of a certificate with this common name, as the configuration names
        them."""
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        words = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        if kind == "rsa":
            words = ("-newkey", "rsa:2048")
        self._openssl(
            "req", "-new", *words, "-nodes", "-subj", f"/CN={name}", "-keyout", key,
            "-out", request,
        )  # fmt: skip
        listed = ",".join(alternatives) or f"DNS:{name}"
        extensions.write_text(f"subjectAltName={listed}\nbasicConstraints=CA:FALSE\n")
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial",
            "-days", days, "-extfile", extensions, "-out", chain,
        )  # fmt: skip
        key.chmod(0o600)
        return {"chain": str(chain), "key": str(key)}

    def client_context(self, files: dict | None = None, alpn=()) -> ssl.SSLContext:
        """Of a client that trusts this authority, with a certificate of its own or without."""
        context = ssl.create_default_context(cafile=self.ca)
        if files:
            context.load_cert_chain(files["chain"], files["key"])
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def _openssl(self, *words):
        run(find("openssl"), *words)

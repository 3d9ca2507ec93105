"""The `bench` fixture: one test's folder and everything that runs in it."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.authority import Authority  # noqa: E402
from support.backends import Backend, Blackhole  # noqa: E402
from support.configuration import listener, pool_of  # noqa: E402
from support.etcd import Etcd  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.ringway import Ringway  # noqa: E402
from support.waiting import BIN_DIR  # noqa: E402


def pytest_sessionstart():
    if not (BIN_DIR / "ringway").exists():
        pytest.exit(f"no ringway in {BIN_DIR}; set RINGWAY_BIN_DIR", returncode=2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed


class Bench:
    """Starts things; stops them all in the opposite order when the test ends."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.proxies: list[Ringway] = []  # to be stopped cleanly at the end of the test
        self._started = 0
        self._running = ExitStack()

    def start(self, thing):
        """Keeps anything with a stop() until the end of the test."""
        self._running.callback(thing.stop)
        return thing

    def backend(self, name: str, serve=None, **options) -> Backend:
        return self.start(Backend(name, serve, **options))

    def backends(self, *names: str, serve=None) -> list[Backend]:
        return [self.backend(name, serve) for name in names]

    def blackhole(self, name: str) -> dict:
        """A server entry whose address never answers."""
        return {"id": name, "address": self.start(Blackhole()).address}

    def nobody(self, name: str) -> dict:
        """A server entry whose address refuses connections."""
        return {"id": name, "address": f"127.0.0.1:{free_port()}"}

    def ringway(self, config, **options) -> Ringway:
        """A proxy; a dict without listeners gets one named `main` on a free port."""
        if isinstance(config, dict) and "listeners" not in config:
            config = {**config, "listeners": [listener(free_port())]}
        self._started += 1
        proxy = Ringway(self.folder / f"proxy-{self._started}", config, **options)
        self.proxies.append(proxy)
        self._running.callback(proxy.kill)
        return proxy

    def forget(self, proxy: Ringway) -> Ringway:
        """Expects no clean end of a proxy that was killed or could not start."""
        self.proxies.remove(proxy)
        return proxy

    def simple(self, backends, key="first_line", listen: dict | None = None, **pool) -> Ringway:
        """A proxy with one listener and one pool, both named `main`."""
        entry = listener(free_port(), key, **(listen or {}))
        return self.ringway({"listeners": [entry], "pools": {"main": pool_of(backends, **pool)}})

    def end(self, failed: bool):
        with self._running:
            for proxy in self.proxies:
                if failed:
                    print(f"--- the log of {proxy.folder.name} ends with\n{proxy.log()[-6000:]}")
                else:
                    proxy.stop()


@pytest.fixture
def bench(request):
    with tempfile.TemporaryDirectory(prefix="ringway-e2e-") as folder:
        bench = Bench(Path(folder))
        try:
            yield bench
        except BaseException:
            bench.end(failed=True)
            raise
        bench.end(failed=getattr(request.node, "failed", True))


@pytest.fixture(params=["io_uring", "epoll"])
def engine(request):
    """The words of the entry `engine`."""
    return "auto" if request.param == "io_uring" else "epoll"


@pytest.fixture
def etcd(bench):
    """Of one member."""
    return bench.start(Etcd(bench.folder / "etcd"))


@pytest.fixture
def authority(bench):
    return Authority(bench.folder / "tls")


@pytest.fixture
def trust(authority) -> dict:
    """The entries of a pool whose servers have certificates of that authority."""
    return {"ca": str(authority.ca)}

"""iperf3 through the proxy, both ways: its control and data connections need one server."""

import json

import pytest

from support.programs import RealIperf, find, run
from support.waiting import scaled


@pytest.mark.parametrize("direction", [(), ("-R",), ("--bidir",)], ids=["up", "down", "both"])
def test_iperf3_completes_and_bytes_arrive(bench, direction):
    servers = [bench.start(RealIperf(bench.folder, f"iperf-{number}")) for number in (1, 2, 3)]
    proxy = bench.simple(servers, key="source_ip")
    host, port = proxy.address()
    amount = scaled(1 << 30, least=32 << 20)
    report = json.loads(
        run(
            find("iperf3"), "-c", host, "-p", port, "-n", amount, "-P", 2, "-J", *direction
        ).stdout  # fmt: skip
    )
    assert "error" not in report, report["error"]
    sums = [sum_ for name, sum_ in report["end"].items() if name.startswith("sum_received")]
    assert len(sums) == 1 + (direction == ("--bidir",))
    assert all(sum_["bytes"] > 0 for sum_ in sums)
    busy = [server for server in proxy.servers().values() if server["total"]]
    assert len(busy) == 1
    # The last bytes of an upload may still be on their way when iperf3 has seen enough.
    assert busy[0]["bytes_up"] + busy[0]["bytes_down"] > amount // 2

"""MQTT by client identifiers and user names: Mosquitto's clients, and brokers that are clients."""

import pytest

from support.mqtt import publish, subscribe
from support.tls_programs import RealMosquitto
from support.waiting import wait_until

# As the clients call the versions, and as the broker's log does.
VERSIONS = {"mqttv31": "p1", "mqttv311": "p2", "mqttv5": "p5"}


def brokers_of(bench):
    return {name: bench.start(RealMosquitto(bench.folder, name)) for name in ("a", "b", "c")}


def address_of(broker):
    return ("127.0.0.1", broker.port)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_meets_its_broker_by_its_identifier(bench, version):
    brokers = brokers_of(bench)
    proxy = bench.simple(brokers.values(), key="mqtt_client_id")
    reached = set()
    for number in range(12):
        id = f"sensor-{number}"
        publish(proxy.address(), id, "from " + id, "-V", version, "-i", id)
        owner = proxy.owner(id)
        assert f" as {id} ({VERSIONS[version]}," in brokers[owner].process.log()
        assert subscribe(address_of(brokers[owner]), id) == "from " + id
        for name, broker in brokers.items():
            assert (f" as {id} (" in broker.process.log()) == (name == owner)
        reached.add(owner)
    assert len(reached) == 3
    # Whoever has the same identifier is at the same broker.
    assert subscribe(proxy.address(), "sensor-7", "-V", version, "-i", "sensor-7") == "from sensor-7"
    assert {line.placed_by for line in proxy.access_log()} == {None}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_user_is_found_behind_the_will(bench, version):
    brokers = brokers_of(bench)
    proxy = bench.simple(brokers.values(), key="mqtt_username")
    will = ("--will-topic", "gone", "--will-payload", "x" * 1000, "--will-qos", "1")
    for number in range(6):
        user = f"user-{number}"
        publish(
            proxy.address(), user, "from " + user, "-V", version, "-u", user, "-P", "secret", *will
        )
        assert subscribe(address_of(brokers[proxy.owner(user)]), user) == "from " + user


def test_who_has_no_identifier_is_placed_as_on_missing_says(bench):
    brokers = brokers_of(bench)
    key = {"from": "mqtt_client_id", "on_missing": "source_ip"}
    proxy = bench.simple(brokers.values(), key=key)
    publish(proxy.address(), "topic", "message", "-V", "mqttv5")
    line = proxy.wait_access(key="127.0.0.1")
    assert line.placed_by == "source_ip:key_missing"
    assert subscribe(address_of(brokers[line.server]), "topic") == "message"
    refusing = bench.simple(brokers.values(), key="mqtt_client_id")
    publish(refusing.address(), "topic", "message", "-V", "mqttv5", check=False)
    refusing.wait_access(end="key_missing")


def test_a_broker_that_is_a_bridge_is_a_client(bench):
    brokers = brokers_of(bench)
    proxy = bench.simple(brokers.values(), key="mqtt_client_id")
    host, port = proxy.address()
    edge = bench.start(
        RealMosquitto(
            bench.folder, "edge", "connection up", f"address {host}:{port}",
            "bridge_protocol_version mqttv311", "remote_clientid edge-1", "topic # out 1",
        )
    )  # fmt: skip
    owner = brokers[proxy.owner("edge-1")]
    wait_until(lambda: " as edge-1 " in owner.process.log(), "the bridge")
    publish(address_of(edge), "topic", "over the bridge")
    assert subscribe(address_of(owner), "topic") == "over the bridge"
    edge.stop()

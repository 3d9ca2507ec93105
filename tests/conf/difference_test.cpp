// Whatever entry of a file changes, the difference names it.
#include "conf/difference.h"

#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/conf/sample.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;

namespace {

std::string full() {
    return text_at(std::string(CONF_EXAMPLES) + "/full.yaml");
}

std::string text_of(const Difference& difference) {
    return difference.path + ": " + difference.before.value_or("-") + " -> " +
           difference.after.value_or("-");
}

// The full file with the first `old` behind `mark` replaced.
std::string changed(std::string_view mark, std::string_view old, std::string_view now) {
    std::string text = full();
    const auto from = text.find(mark);
    BOOST_TEST_REQUIRE(from != std::string::npos, mark);
    const auto at = text.find(old, from);
    BOOST_TEST_REQUIRE(at != std::string::npos, old);
    return text.replace(at, old.size(), now);
}

struct Change {
    std::string_view mark, old, now, expected;
};

const std::vector<Change> changes{
    {"version", "workers: auto", "workers: 3", "workers: auto -> 3"},
    {"version", "engine: auto", "engine: epoll", "engine: auto -> epoll"},
    {"version", "drain_delay: 5s", "drain_delay: 6s", "drain_delay: 5s -> 6s"},
    {"version", "drain_timeout: 30s", "drain_timeout: 90s", "drain_timeout: 30s -> 90s"},
    {"name: clients", "0.0.0.0:7000", "0.0.0.0:7100",
     "listeners.clients.bind: 0.0.0.0:7000 -> 0.0.0.0:7100"},
    {"name: clients", "pool: main", "pool: web", "listeners.clients.pool: main -> web"},
    {"name: clients", "key: source_ip", "key: source",
     "listeners.clients.key.from: source_ip -> source\n"
     "listeners.clients.key.prefix_v4: 32 -> -\nlisteners.clients.key.prefix_v6: 128 -> -"},
    {"name: clients", "key: 5s", "key: 6s", "listeners.clients.timeouts.key: 5s -> 6s"},
    {"name: clients", "idle: 10m", "idle: 11m", "listeners.clients.timeouts.idle: 10m -> 11m"},
    {"name: clients", "half_close: 30s", "half_close: 1s",
     "listeners.clients.timeouts.half_close: 30s -> 1s"},
    {"name: clients", "unacknowledged: 30s", "unacknowledged: 1s",
     "listeners.clients.timeouts.unacknowledged: 30s -> 1s"},
    {"name: clients", "keepalive: 60s", "keepalive: 1s",
     "listeners.clients.timeouts.keepalive: 1m -> 1s"},
    {"name: clients", "max_connections: 10000", "max_connections: 1",
     "listeners.clients.max_connections: 10000 -> 1"},
    {"name: networks", "prefix_v4: 24", "prefix_v4: 25",
     "listeners.networks.key.prefix_v4: 24 -> 25"},
    {"name: networks", "prefix_v6: 56", "prefix_v6: 57",
     "listeners.networks.key.prefix_v6: 56 -> 57"},
    {"name: lines", "max_bytes: 16KiB", "max_bytes: 1KiB",
     "listeners.lines.key.max_bytes: 16KiB -> 1KiB"},
    {"name: lines", "on_missing: reject", "on_missing: random",
     "listeners.lines.key.on_missing: reject -> random"},
    {"name: greeted", "after: 2s", "after: 3s", "listeners.greeted.key.on_missing.after: 2s -> 3s"},
    {"name: lines", "defer_accept: 1s", "defer_accept: 2s",
     "listeners.lines.defer_accept: 1s -> 2s"},
    {"name: users", "name: X-User", "name: X-Who",
     R"(listeners.users.key.name: "X-User" -> "X-Who")"},
    {"name: memcached", "number: 2", "number: 3", "listeners.memcached.key.number: 2 -> 3"},
    {"name: memcached", R"(separator: " ")", R"(separator: "|")",
     R"(listeners.memcached.key.separator: " " -> "|")"},
    {"name: packets", "offset: 4", "offset: 5", "listeners.packets.key.offset: 4 -> 5"},
    {"name: packets", "length: 16", "length: 17", "listeners.packets.key.length: 16 -> 17"},
    {"name: expressions", "user=", "name=",
     R"x(listeners.expressions.key.pattern: "user=([a-z]+)" -> "name=([a-z]+)")x"},
    {"name: expressions", "group: 1", "group: 0", "listeners.expressions.key.group: 1 -> 0"},
    {"name: tenants", "prefix_v4: 24", "prefix_v4: 23",
     "listeners.tenants.key.parts[0].prefix_v4: 24 -> 23"},
    {"name: tenants", "name: X-User", "name: X-Who",
     R"(listeners.tenants.key.parts[1].name: "X-User" -> "X-Who")"},
    {"name: behind", "accept: [v1, v2]", "accept: [v2]",
     "listeners.behind.proxy_protocol.accept: v1, v2 -> v2"},
    {"name: behind", "10.0.0.0/8, ", "",
     "listeners.behind.proxy_protocol.trusted: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1/32 -> "
     "2001:db8::/32, 192.0.2.1/32"},
    {"name: secure", "pem  # required", "crt  # required",
     "listeners.secure.tls.certificates: 2, the first of /etc/ringway/tls/site.pem -> 2, the first "
     "of /etc/ringway/tls/site.crt\n"
     "listeners.secure.tls.certificates[/etc/ringway/tls/site.crt].key: - -> "
     "/etc/ringway/tls/site.key\n"
     "listeners.secure.tls.certificates[/etc/ringway/tls/site.crt].ocsp: - -> "
     "/etc/ringway/tls/site.ocsp\n"
     "listeners.secure.tls.certificates[/etc/ringway/tls/site.pem].key: "
     "/etc/ringway/tls/site.key -> -\n"
     "listeners.secure.tls.certificates[/etc/ringway/tls/site.pem].ocsp: "
     "/etc/ringway/tls/site.ocsp -> -"},
    {"name: secure", "site.key", "new.key",
     "listeners.secure.tls.certificates[/etc/ringway/tls/site.pem].key: /etc/ringway/tls/site.key "
     "-> /etc/ringway/tls/new.key"},
    {"name: secure", "site.ocsp", "new.ocsp",
     "listeners.secure.tls.certificates[/etc/ringway/tls/site.pem].ocsp: "
     "/etc/ringway/tls/site.ocsp -> /etc/ringway/tls/new.ocsp"},
    {"name: secure", "unknown_name: first", "unknown_name: refuse",
     "listeners.secure.tls.unknown_name: first -> refuse"},
    {"name: secure", "ciphers: ECDHE+AESGCM", "ciphers: ECDHE",
     R"(listeners.secure.tls.ciphers: "ECDHE+AESGCM" -> "ECDHE")"},
    {"name: secure", "TLS_AES_256_GCM_SHA384:", "",
     R"(listeners.secure.tls.ciphersuites: "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256" -> )"
     R"("TLS_AES_128_GCM_SHA256")"},
    {"name: secure", "X25519:", "", R"(listeners.secure.tls.groups: "X25519:P-256" -> "P-256")"},
    {"name: secure", "[mqtt, http/1.1]", "[\"mqtt, http/1.1\"]",
     R"(listeners.secure.tls.alpn: ["mqtt", "http/1.1"] -> ["mqtt, http/1.1"])"},
    {"name: secure", "[mqtt, http/1.1]", "[]",
     R"(listeners.secure.tls.alpn: ["mqtt", "http/1.1"] -> -)"},
    {"name: secure", "clients.pem", "other.pem",
     "listeners.secure.tls.client.ca: /etc/ringway/tls/clients.pem -> /etc/ringway/tls/other.pem"},
    {"name: secure", "revoked.pem", "other.pem",
     "listeners.secure.tls.client.crl: /etc/ringway/tls/revoked.pem -> /etc/ringway/tls/other.pem"},
    {"name: secure", "verify: required", "verify: optional",
     "listeners.secure.tls.client.verify: required -> optional"},
    {"name: secure", "tickets.key", "other.key",
     "listeners.secure.tls.tickets.keys: /etc/ringway/tls/tickets.key -> "
     "/etc/ringway/tls/other.key"},
    {"name: secure", "rotate: 12h", "rotate: 1h", "listeners.secure.tls.tickets.rotate: 12h -> 1h"},
    {"name: secure", "truncation: refuse", "truncation: allow",
     "listeners.secure.tls.truncation: refuse -> allow"},
    {"name: secure", "field: san_uri", "field: san_dns",
     "listeners.secure.key.field: san_uri -> san_dns"},
    {"name: behind", "name: behind", "name: before",
     "listeners.before: - -> 0.0.0.0:7011 to pool main\n"
     "listeners.behind: 0.0.0.0:7011 to pool main -> -"},
    {"name: secure", "name: secure", "name: safe",
     "listeners.safe: - -> 0.0.0.0:7015 to pool main, TLS\n"
     "listeners.secure: 0.0.0.0:7015 to pool main, TLS -> -"},
    {"  main:", "function: sha256", "function: xxh3", "pools.main.hash.function: sha256 -> xxh3"},
    {"  main:", "vnodes: 704", "vnodes: 705", "pools.main.hash.vnodes: 704 -> 705"},
    {"  main:", "seed: keep-me-secret", "seed: other",
     "pools.main.hash.seed: (not shown) -> (not shown)"},
    {"  main:", "balance_factor: 1.25", "balance_factor: 2",
     "pools.main.hash.balance_factor: 1.25 -> 2"},
    {"connect:", "timeout: 2s", "timeout: 3s", "pools.main.connect.timeout: 2s -> 3s"},
    {"connect:", "attempts: 3", "attempts: 4", "pools.main.connect.attempts: 3 -> 4"},
    {"connect:", "budget: 5s", "budget: 6s", "pools.main.connect.budget: 5s -> 6s"},
    {"connect:", "10.0.0.5", "10.0.0.6", "pools.main.connect.source_v4: 10.0.0.5 -> 10.0.0.6"},
    {"connect:", "2001:db8::5", "2001:db8::6",
     "pools.main.connect.source_v6: 2001:db8::5 -> 2001:db8::6"},
    {"send: v2", "authority: false", "authority: true",
     "pools.main.proxy_protocol.authority: false -> true"},
    {"send: v2", "tls: false", "tls: true", "pools.main.proxy_protocol.tls: false -> true"},
    {"send: v2", "unique_id: false", "unique_id: true",
     "pools.main.proxy_protocol.unique_id: false -> true"},
    {"  # TLS to", "servers.pem", "other.pem",
     "pools.main.tls.ca: /etc/ringway/tls/servers.pem -> /etc/ringway/tls/other.pem"},
    {"  # TLS to", "servers-crl.pem", "other.pem",
     "pools.main.tls.crl: /etc/ringway/tls/servers-crl.pem -> /etc/ringway/tls/other.pem"},
    {"  # TLS to", "name: db.example", "name: new.example",
     R"(pools.main.tls.name: "db.example" -> "new.example")"},
    {"  # TLS to", "name: db.example", "name: {from: id}",
     "pools.main.tls.name: \"db.example\" -> -\npools.main.tls.name.from: - -> id"},
    {"  # TLS to", "proxy.pem", "other.pem",
     "pools.main.tls.certificate.chain: /etc/ringway/tls/proxy.pem -> /etc/ringway/tls/other.pem"},
    {"  # TLS to", "proxy.key", "other.key",
     "pools.main.tls.certificate.key: /etc/ringway/tls/proxy.key -> /etc/ringway/tls/other.key"},
    {"  # TLS to", R"("1.2")", R"("1.3")", "pools.main.tls.min_version: 1.2 -> 1.3"},
    {"  # TLS to", "[redis, resp]", "[redis]",
     R"(pools.main.tls.alpn: ["redis", "resp"] -> ["redis"])"},
    {"  # TLS to", "session_reuse: true", "session_reuse: false",
     "pools.main.tls.session_reuse: true -> false"},
    {"  # TLS to", "truncation: refuse", "truncation: allow",
     "pools.main.tls.truncation: refuse -> allow"},
    {"  # of the checks", "servers.pem", "other.pem",
     "pools.main.health.tls.ca: /etc/ringway/tls/servers.pem -> /etc/ringway/tls/other.pem"},
    {"  # of the checks", "from: id", "from: address",
     "pools.main.health.tls.name.from: id -> address"},
    {"  web:", "from: sni", "from: id", "pools.web.tls.name.from: sni -> id"},
    {"  web:", "tls: off", "tls: {verify: none}",
     "pools.web.health.tls: off -> -\npools.web.health.tls.min_version: - -> 1.2\n"
     "pools.web.health.tls.name.from: - -> address\npools.web.health.tls.truncation: - -> refuse\n"
     "pools.web.health.tls.verify: - -> none"},
    {"  web:", "web:", "new:", "pools.new: - -> 0 servers, TLS\npools.web: 0 servers, TLS -> -"},
    {"    health:", "interval: 2s", "interval: 3s", "pools.main.health.interval: 2s -> 3s"},
    {"    health:", "timeout: 1500ms", "timeout: 2s", "pools.main.health.timeout: 1500ms -> 2s"},
    {"    health:", "rise: 2", "rise: 3", "pools.main.health.rise: 2 -> 3"},
    {"    health:", "fall: 3", "fall: 4", "pools.main.health.fall: 3 -> 4"},
    {"    health:", "fast_interval: 500ms", "fast_interval: 1s",
     "pools.main.health.fast_interval: 500ms -> 1s"},
    {"    health:", "initial: up", "initial: down", "pools.main.health.initial: up -> down"},
    {"    health:", "'PING", "'pING",
     R"(pools.main.health.send: "PING\x0d\x0a" -> "pING\x0d\x0a")"},
    {"    health:", "'+PONG'", "'-PONG'", R"(pools.main.health.expect: "+PONG" -> "-PONG")"},
    {"    passive:", "failures: 3", "failures: 4", "pools.main.passive.failures: 3 -> 4"},
    {"    passive:", "within: 10s", "within: 11s", "pools.main.passive.within: 10s -> 11s"},
    {"    passive:", "early_resets: true", "early_resets: false",
     "pools.main.passive.early_resets: true -> false"},
    {"    passive:", "retry: 5s", "retry: 6s", "pools.main.passive.retry: 5s -> 6s"},
    {"    passive:", "retry_max: 5m", "retry_max: 6m", "pools.main.passive.retry_max: 5m -> 6m"},
    {"    passive:", "on_down: keep", "on_down: reset", "pools.main.on_down: keep -> reset"},
    {"    passive:", "{drain: 30s}", "keep", "pools.main.on_removed: drain: 30s -> keep"},
    {"    passive:", "panic: 0.3", "panic: 0.25", "pools.main.panic: 0.3 -> 0.25"},
    {"    passive:", "slow_start: 30s", "slow_start: 31s", "pools.main.slow_start: 30s -> 31s"},
    {"id: server-1", "10.0.0.11:7000", "10.0.0.11:7001",
     "pools.main.servers.server-1.address: 10.0.0.11:7000 -> 10.0.0.11:7001"},
    {"id: server-1", "weight: 1", "weight: 2", "pools.main.servers.server-1.weight: 1 -> 2"},
    {"id: server-1", "max_connections: 500", "max_connections: 5",
     "pools.main.servers.server-1.max_connections: 500 -> 5"},
    {"id: server-1", "port: 7100", "port: 7101",
     "pools.main.servers.server-1.health.address: 10.0.0.11:7100 -> 10.0.0.11:7101"},
    {"    servers:", "{id: server-2", "{id: server-9",
     "pools.main.servers.server-2: 10.0.0.12:7000, "
     "weight 2 -> -\npools.main.servers.server-9: - -> 10.0.0.12:7000, weight 2"},
    {"  web:", "method: GET", "method: HEAD", "pools.web.health.http.method: GET -> HEAD"},
    {"  web:", "path: /", "path: /up", "pools.web.health.http.path: / -> /up"},
    {"  web:", "www.example", "web.example",
     R"(pools.web.health.http.host: "www.example" -> "web.example")"},
    {"  web:", "200-299", "200", "pools.web.health.http.status: 200-299 -> 200-200"},
    {"  spare:", "spare: {}", "other: {}",
     "pools.other: - -> 0 servers\npools.spare: 0 servers -> -"},
    {"admin:", "admin.sock", "other.sock",
     R"(admin.socket: "/run/ringway/admin.sock" -> "/run/ringway/other.sock")"},
    {"admin:", "127.0.0.1:9090", "127.0.0.1:9091", "admin.http: 127.0.0.1:9090 -> 127.0.0.1:9091"},
    {"admin:", "state.json", "other.json",
     R"(admin.state: "/var/lib/ringway/state.json" -> "/var/lib/ringway/other.json")"},
    {"admin:", "ready: [main]", "ready: [main, web]", "admin.ready: [main] -> [main, web]"},
    {"admin:", "ready: [main]", "ready: []", "admin.ready: [main] -> []"},
    {"  main:", "srv: _main", "srv: _other",
     "pools.main.servers_from.srv: _main._tcp.example -> _other._tcp.example"},
    {"  main:", "id: target ", "id: target_port ",
     "pools.main.servers_from.id: target -> target_port"},
    {"  main:", "weight_unit: 10", "weight_unit: 20",
     "pools.main.servers_from.weight_unit: 10 -> 20"},
    {"  main:", "10.0.0.22:2379", "10.0.0.23:2379",
     "pools.main.servers_from.etcd.endpoints: [etcd-1.example:2379, 10.0.0.22:2379] -> "
     "[etcd-1.example:2379, 10.0.0.23:2379]"},
    {"  main:", "/ringway/main/", "/ringway/other",
     "pools.main.servers_from.etcd.prefix: /ringway/main/ -> /ringway/other/"},
    {"  main:", "etcd.pem", "other.pem",
     "pools.main.servers_from.etcd.tls.ca: /etc/ringway/tls/etcd.pem -> "
     "/etc/ringway/tls/other.pem"},
    {"  main:", "etcd-crl.pem", "other.pem",
     "pools.main.servers_from.etcd.tls.crl: /etc/ringway/tls/etcd-crl.pem -> "
     "/etc/ringway/tls/other.pem"},
    {"  main:", "name: etcd.example", "name: other.example",
     R"(pools.main.servers_from.etcd.tls.name: "etcd.example" -> "other.example")"},
    {"        user:", "name: ringway", "name: other",
     "pools.main.servers_from.etcd.user.name: ringway -> other"},
    {"        user:", "etcd-password", "other",
     "pools.main.servers_from.etcd.user.password: /etc/ringway/etcd-password -> "
     "/etc/ringway/other"},
    {"        user:", "max_connections: 500", "max_connections: 50",
     "pools.main.servers_from.max_connections: 500 -> 50"},
    {"        user:", "port: 7100", "port: 7200",
     "pools.main.servers_from.health.port: 7100 -> 7200"},
    {"  web:", "dns: web", "dns: www", "pools.web.servers_from.dns: web.example -> www.example"},
    {"  web:", "port: 8080", "port: 8081", "pools.web.servers_from.port: 8080 -> 8081"},
    {"  main:", "server-5.example:7000", "server-6.example:7000",
     "pools.main.servers.server-5.address: server-5.example:7000 -> server-6.example:7000"},
    {"dns:  ", "10.0.0.53:53", "10.0.0.54:53", "dns.nameservers: [10.0.0.53:53] -> [10.0.0.54:53]"},
    {"dns:  ", "timeout: 2s", "timeout: 3s", "dns.timeout: 2s -> 3s"},
    {"dns:  ", "attempts: 2", "attempts: 3", "dns.attempts: 2 -> 3"},
    {"dns:  ", "min_ttl: 5s", "min_ttl: 6s", "dns.min_ttl: 5s -> 6s"},
    {"dns:  ", "max_ttl: 5m", "max_ttl: 6m", "dns.max_ttl: 5m -> 6m"},
    {"dns:  ", "keep_for: 1m", "keep_for: 2m", "dns.keep_for: 1m -> 2m"},
    {"dns:  ", "family: both", "family: v6", "dns.family: both -> v6"},
    {"fleet:", "name: proxy-1", "name: proxy-2", "fleet.name: proxy-1 -> proxy-2"},
    {"fleet:", "health: majority", "health: own", "fleet.health: majority -> own"},
    {"fleet:", "/ringway/fleet/", "/fleet", "fleet.prefix: /ringway/fleet/ -> /fleet/"},
    {"fleet:", "etcd-1.example:2379", "etcd-2.example:2379",
     "fleet.etcd.endpoints: [etcd-1.example:2379] -> [etcd-2.example:2379]"},
    {"log:", "level: info", "level: debug", "log.level: info -> debug"},
    {"log:", "target: stderr", "target: stdout", "log.target: stderr -> stdout"},
    {"log:", "format: text", "format: json", "log.format: text -> json"},
    {"log:", "access: true", "access: false", "log.access: true -> false"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(difference_)

BOOST_AUTO_TEST_CASE(every_entry_that_changes_is_named_and_no_other) {
    const Config before = config_of(full());
    BOOST_TEST(difference(before, before).empty());
    for (const Change& change : changes) {
        BOOST_TEST_CONTEXT(change.expected) {
            const Config after = config_of(changed(change.mark, change.old, change.now));
            std::string found;
            for (const Difference& each : difference(before, after)) {
                found += (found.empty() ? "" : "\n") + text_of(each);
            }
            BOOST_TEST(found == change.expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(entries_that_come_and_go_are_told_with_what_they_are) {
    const Config before = config_of(sample());
    const Config after = config_of(sample({"", "", "health: {interval: 3s}", ""}));
    const auto found = difference(before, after);
    BOOST_TEST(found.size() == 5u);
    BOOST_TEST(text_of(found.at(0)) == "pools.main.health.fall: - -> 3");
    BOOST_TEST(text_of(found.at(2)) == "pools.main.health.interval: - -> 3s");
    BOOST_TEST(text_of(difference(after, before).at(2)) == "pools.main.health.interval: 3s -> -");
}

BOOST_AUTO_TEST_CASE(entries_of_tls_that_come_and_go_are_told) {
    const auto with = [](const std::string& entries) {
        const std::string line = "tls: {certificates: " + entries + "}";
        return config_of(sample({.listener = line}));
    };
    const auto told = [](const Config& before, const Config& after) {
        std::string all;
        for (const auto& each : difference(before, after)) all += to_string(each) + '\n';
        return all;
    };
    const std::string a = "{chain: /a, key: /k}";
    const std::string b = "{chain: /b, key: /k}";
    const Config one = with('[' + a + ']');
    const std::string path = " listeners.web.tls.";
    BOOST_TEST(told(one, with('[' + a + "], min_version: 1.3")) ==
               "~" + path + "min_version: 1.2 -> 1.3\n");
    BOOST_TEST(told(one, with('[' + a + "], tickets: off")) ==
               "+" + path + "tickets: off\n-" + path + "tickets.rotate: 12h\n");
    BOOST_TEST(told(one, with('[' + a + ", " + b + ']')) ==
               "~" + path + "certificates: 1, the first of /a -> 2, the first of /a\n+" + path +
                   "certificates[/b].key: /k\n");
    BOOST_TEST(told(with('[' + a + ", " + b + ']'), with('[' + b + ", " + a + ']')) ==
               "~" + path + "certificates: 2, the first of /a -> 2, the first of /b\n");
    BOOST_TEST(told(config_of(sample()), one) ==
               "+" + path + "certificates: 1, the first of /a\n+" + path +
                   "certificates[/a].key: /k\n+" + path + "min_version: 1.2\n+" + path +
                   "tickets.rotate: 12h\n+" + path + "truncation: refuse\n+" + path +
                   "unknown_name: first\n");
}

BOOST_AUTO_TEST_CASE(tls_to_servers_that_comes_and_goes_is_told) {
    const auto with = [](std::string_view line) { return config_of(sample({.pool = line})); };
    const auto told = [](const Config& before, const Config& after) {
        std::string all;
        for (const auto& each : difference(before, after)) all += to_string(each) + '\n';
        return all;
    };
    const Config clear = with("health: {}");
    const Config tls = with("health: {}\n    tls: {}");
    BOOST_TEST(told(clear, tls) ==
               "+ pools.main.tls.min_version: 1.2\n+ pools.main.tls.name.from: address\n"
               "+ pools.main.tls.session_reuse: true\n+ pools.main.tls.truncation: refuse\n"
               "+ pools.main.tls.verify: required\n");
    BOOST_TEST(told(tls, with("tls: {verify: none}\n    health: {}")) ==
               "~ pools.main.tls.verify: required -> none\n");
    BOOST_TEST(told(tls, with("tls: {}\n    health: {tls: off}")) ==
               "+ pools.main.health.tls: off\n");
}

// What is shown is cut, what is compared is not.
BOOST_AUTO_TEST_CASE(long_texts_differ_also_behind_what_is_shown_of_them) {
    const auto with_state = [](const std::string& last) {
        const std::string path = "/" + std::string(100, 'x') + last;
        const std::string admin = "admin: {state: " + path + "}";
        return config_of(sample({.top = admin}));
    };
    const auto found = difference(with_state("a"), with_state("b"));
    BOOST_REQUIRE(found.size() == 1u);
    BOOST_TEST(found[0].path == "admin.state");
    BOOST_TEST(found[0].before.value() == found[0].after.value());
    BOOST_TEST(found[0].needs_restart);
}

BOOST_AUTO_TEST_CASE(what_cannot_change_while_running_is_marked) {
    const Config before = config_of(full());
    std::string fixed;
    for (const Change& change : changes) {
        const Config after = config_of(changed(change.mark, change.old, change.now));
        std::vector<Difference> of_process;
        for (const Difference& each : difference(before, after)) {
            if (each.needs_restart) fixed += each.path + '\n';
            const bool in_lists =
                each.path.starts_with("listeners.") || each.path.starts_with("pools.");
            if (!in_lists) of_process.push_back(each);
        }
        BOOST_TEST((process_difference(before, after) == of_process), change.expected);
    }
    BOOST_TEST(fixed == "workers\nengine\nadmin.socket\nadmin.http\nadmin.state\n");
}

BOOST_AUTO_TEST_CASE(order_is_no_difference_but_in_a_key) {
    const std::string head = "version: 1\npools: {p: {servers: [";
    const std::string a = R"({id: "a b", address: "10.0.0.1:80"})";
    const std::string b = R"({id: b, address: "10.0.0.2:80"})";
    const auto with = [&](const std::string& servers, const std::string& parts) {
        return config_of(head + servers +
                         "]}}\nlisteners: [{name: l, bind: \"0.0.0.0:80\", pool: p, "
                         "key: {parts: [" +
                         parts + "]}}]\n");
    };
    const auto before = with(a + ", " + b, "source_ip, first_line");
    BOOST_TEST(difference(before, with(b + ", " + a, "source_ip, first_line")).empty());
    BOOST_TEST(difference(before, with(a + ", " + b, "first_line, source_ip")).size() == 6u);
    // Names with odd bytes are quoted.
    const auto gone = difference(before, with(b, "source_ip, first_line"));
    BOOST_TEST(gone.at(0).path == R"(pools.p.servers["a b"])");
}

BOOST_AUTO_TEST_SUITE_END()

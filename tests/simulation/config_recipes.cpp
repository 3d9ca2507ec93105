#include "tests/simulation/config_recipes.h"

#include <algorithm>
#include <map>
#include <string>

namespace ringway::simulation {
namespace {

using Texts = std::vector<std::string_view>;

// Mostly so short that what they begin also ends within a history.
const Texts durations{"10ms", "20ms", "50ms", "100ms", "100ms", "200ms", "500ms", "1s",
                      "1s",   "2s",   "2s",   "1ms",   "3s",    "5s",    "1m",    "24h"};

// So few that servers often share one, or take over another's. The two of 127.0.0.1:9001 are one
// address for the kernel.
const Texts addresses{"127.0.0.1:9001",          "127.0.0.1:9002", "127.0.0.1:9003",
                      "127.0.0.2:9001",          "127.0.0.2:9002", "127.0.0.3:9001",
                      "127.0.0.4:9001",          "127.0.0.5:9009", "[::1]:9001",
                      "[::ffff:127.0.0.1]:9001", "unix:@/s0.sock", "unix:@/s1.sock"};

const std::string longest_id(255, 'x');

// The last ones would break a program that forgets to quote them.
const Texts ids{"s0",   "s1",     "s2",         "s3",          "s4",   "s5",   "s6",  "s7",
                "s8",   "s9",     "s0",         "s1",          "s2",   "s3",   "s4",  "s5",
                "s6",   "s7",     "s8",         "s9",          "s0",   "s1",   "s2",  "s3",
                "s4",   "s5",     "s6",         "s7",          "s8",   "s9",   "s/0", "a b",
                "höhe", "日本-1", "say \"hi\"", "back\\slash", "it's", "null", "{}",  longest_id};

const std::vector<Recipe> recipes{
    {.name = "duration", .texts = durations},
    {.name = "name", .texts = {"a", "b", "c", "d", "e"}},
    {.name = "address", .texts = addresses},
    {.name = "server_address", .texts = addresses},
    {.name = "size", .texts = {"16B", "64B", "1KiB", "16KiB", "64KiB"}},

    {.name = "admin.ready", .items_most = 2},
    {.name = "admin.socket", .texts = {"@/admin.sock", "@/other.sock"}},
    {.name = "admin.http", .texts = {"127.0.0.1:7900", "[::1]:7900"}},
    {.name = "admin.state", .texts = {"@/state.json", "@/other.json"}},
    {.name = "log", .percent = 25},
    {.name = "log.target",
     .texts = {"stderr", "@/log", "@/log", "@/log", "@/other.log", "stdout", "syslog",
               "syslog:@/syslog.sock"}},

    {.name = "listeners", .items_least = 1},
    {.name = "listeners.*.name", .texts = {"l0", "l1", "l2", "front", "edge.tcp", "x_1-y"}},
    {.name = "listeners.*.bind",
     .texts = {"127.0.0.1:7001", "127.0.0.1:7002", "127.0.0.1:7003", "127.0.0.1:7004",
               "0.0.0.0:7001", "0.0.0.0:7002", "[::1]:7001", "[::]:7003", "[::ffff:127.0.0.1]:7002",
               "127.0.0.2:7001", "unix:@/l0.sock", "unix:@/l1.sock"}},
    {.name = "listeners.*.proxy_protocol", .percent = 30},
    {.name = "listeners.*.proxy_protocol.accept", .items_most = 2},
    {.name = "listeners.*.proxy_protocol.trusted", .items_most = 2},
    {.name = "listeners.*.proxy_protocol.trusted.*",
     .texts = {"127.0.0.0/8", "127.0.0.1", "::1", "2001:db8::/32", "0.0.0.0/0", "::/0"}},
    {.name = "listeners.*.timeouts", .percent = 30},
    {.name = "listeners.*.key.name", .texts = {"X-User", "x-user", "sid", "Host", "a"}},
    {.name = "listeners.*.key.separator", .texts = {",", "|", "::", " ", "\t", "\r\n"}},
    {.name = "listeners.*.key.offset", .integers = {0, 1, 4, 16, 60, 65'536}},
    {.name = "listeners.*.key.length", .integers = {1, 2, 8, 16, 255, 65'536}},
    {.name = "listeners.*.key.pattern",
     .texts = {"user=(\\w+)", "^(GET|SET) (\\S+)", "[0-9]+", "(?i)a(b)?c|\\x00"}},
    {.name = "listeners.*.key.group", .integers = {0, 1, 2}},
    {.name = "listeners.*.key.prefix_v4", .integers = {1, 8, 24, 31, 32}},
    {.name = "listeners.*.key.prefix_v6", .integers = {1, 48, 64, 127, 128}},
    {.name = "listeners.*.key.parts", .items_most = 4},

    {.name = "pools", .texts = {"a", "b", "c", "d", "e"}, .items_least = 1, .items_most = 4},
    // The default of vnodes makes rings of thousands of points, and the least table of Maglev
    // has 65,537 entries: both are slow.
    {.name = "pools.*.hash", .percent = 95},
    {.name = "pools.*.hash.algorithm", .percent = 12},
    {.name = "pools.*.hash.vnodes",
     .percent = 97,
     .integers = {1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 10, 12, 13, 16, 16, 64}},
    {.name = "pools.*.hash.seed", .percent = 20, .texts = {"s", "secret", "geheim: ß", "a\\b\"c"}},
    {.name = "pools.*.hash.seed_hex", .percent = 20, .texts = {"00", "00ff0A", "736563726574"}},
    {.name = "pools.*.connect.source_v4", .texts = {"127.0.0.1", "127.0.0.7", "0.0.0.0"}},
    {.name = "pools.*.connect.source_v6", .texts = {"::1", "::ffff:127.0.0.1"}},
    {.name = "pools.*.proxy_protocol", .percent = 20},
    {.name = "pools.*.health", .percent = 60},
    {.name = "pools.*.health.interval", .percent = 80, .texts = durations},
    {.name = "pools.*.health.send", .texts = {"PING\\r\\n", "\\x00\\xff\\\\\\\"\\t", "hé"}},
    {.name = "pools.*.health.expect", .texts = {"+PONG", "\\0\\n", "1"}},
    {.name = "pools.*.health.expect.anywhere", .texts = {"ok", "role:master", "\\xfe"}},
    {.name = "pools.*.health.http", .percent = 25},
    {.name = "pools.*.health.http.method", .texts = {"GET", "HEAD", "OPTIONS"}},
    {.name = "pools.*.health.http.path", .texts = {"/", "/health", "/a?b=c&d=%20#e", "/\\\"'"}},
    {.name = "pools.*.health.http.host", .texts = {"example.test", "[::1]:80", "h"}},
    {.name = "pools.*.health.http.status",
     .texts = {"200", "200-399", "100-599", "404", "101"},
     .integers = {200, 204, 101, 599}},
    {.name = "pools.*.passive.retry", .percent = 60, .texts = durations},
    {.name = "pools.*.on_down", .percent = 50},
    {.name = "pools.*.on_removed", .percent = 50},
    {.name = "pools.*.panic", .percent = 35},
    {.name = "pools.*.slow_start", .percent = 40, .texts = durations},
    {.name = "pools.*.servers", .percent = 95, .items_most = 6},
    {.name = "pools.*.servers.*.id", .texts = ids},
    {.name = "pools.*.servers.*.weight",
     .percent = 50,
     .integers = {1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 5, 7, 0, 0, 1'000}},
    {.name = "pools.*.servers.*.max_connections", .integers = {1, 1, 2, 3, 10, 1'000'000'000}},
    {.name = "pools.*.servers.*.health", .percent = 15},
    {.name = "pools.*.servers.*.health.port", .integers = {1, 8081, 9001, 65'535}},
};

// With what has a meaning only beside them.
const Texts not_simulated{"listeners.*.tls",
                          "listeners.*.routes",
                          "listeners.*.key.from=client_cert",
                          "listeners.*.key.field",
                          "pools.*.proxy_protocol.tls",
                          "pools.*.tls",
                          "pools.*.health.tls",
                          "pools.*.fallback",
                          "pools.*.servers_from",
                          "dns",
                          "fleet"};

std::string without_parts(std::string path) {
    constexpr std::string_view parts = ".parts.*.";
    const auto at = path.find(parts);
    return at == std::string::npos ? path : path.replace(at, parts.size(), ".");
}

}  // namespace

bool is_simulated(const std::string& path) {
    return std::ranges::find(not_simulated, without_parts(path)) == not_simulated.end();
}

const Recipe* recipe_of(const SchemaNode& node) {
    static const auto by_name = [] {
        std::map<std::string_view, const Recipe*> out;
        for (const auto& recipe : recipes) out.emplace(recipe.name, &recipe);
        return out;
    }();
    if (const auto found = by_name.find(without_parts(node.path)); found != by_name.end()) {
        return found->second;
    }
    const auto found = by_name.find(node.definition);
    return found == by_name.end() ? nullptr : found->second;
}

}  // namespace ringway::simulation

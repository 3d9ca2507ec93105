// The Prometheus text of a snapshot with given values.
#include "proxy/admin/metrics.h"

#include <iterator>
#include <string>

#include <boost/test/unit_test.hpp>

using namespace ringway::proxy;

namespace {

std::string text_of(MetricsSnapshot numbers) {
    std::string text = "\n";
    for (auto more = metrics_of(std::move(numbers)); more(text);) continue;
    return text;
}

bool has(const std::string& text, const std::string& line) {
    return text.find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(large_counts_are_exact_and_labels_escaped) {
    MetricsSnapshot numbers;
    numbers.servers.push_back({.pool = "p",
                               .server = R"(a "b" \x00\ü)",
                               .online = true,
                               .share = 0.1,
                               .total = 9'007'199'254'740'991,
                               .bytes_up = 123'456'789'012'345,
                               .refused = 3});
    const std::string text = text_of(std::move(numbers));
    const std::string labels = R"({pool="p",server="a \"b\" \\x00\\ü")";
    BOOST_TEST(has(text, "ringway_server_up" + labels + "} 1"));
    BOOST_TEST(has(text, "ringway_server_share_ratio" + labels + "} 0.1"));
    BOOST_TEST(has(text, "ringway_server_connections_total" + labels + "} 9007199254740991"));
    BOOST_TEST(
        has(text, "ringway_server_bytes_total" + labels + ",direction=\"up\"} 123456789012345"));
    BOOST_TEST(has(text, "ringway_server_bytes_total" + labels + ",direction=\"down\"} 0"));
    BOOST_TEST(
        has(text, "ringway_server_connect_failures_total" + labels + ",reason=\"refused\"} 3"));
    BOOST_TEST(has(text, "# TYPE ringway_server_connections_total counter"));
    // No metrics of checks for unchecked servers, and none of moves for unchanged rings.
    BOOST_TEST(text.find("checks_total") == std::string::npos);
    BOOST_TEST(text.find("moved_last_change") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(buckets_are_cumulative_and_in_seconds) {
    Histogram<connect_bounds_us> times;
    for (const int us : {50, 100, 300, 8'999'550}) times.observe(std::chrono::microseconds(us));
    MetricsSnapshot numbers;
    numbers.pools.push_back({.pool = "p", .moved_last_change = 0.25});
    numbers.pools[0].connect_times.add(times);
    numbers.pools[0].sessions.add(Histogram<session_bounds_us>());
    const std::string text = text_of(std::move(numbers));
    const std::string name = "ringway_pool_connect_duration_seconds";
    BOOST_TEST(has(text, name + "_count{pool=\"p\"} 4"));
    BOOST_TEST(has(text, name + "_sum{pool=\"p\"} 9"));
    BOOST_TEST(has(text, name + "_bucket{pool=\"p\",le=\"0.0001\"} 2"));
    BOOST_TEST(has(text, name + "_bucket{pool=\"p\",le=\"0.00025\"} 2"));
    BOOST_TEST(has(text, name + "_bucket{pool=\"p\",le=\"0.0005\"} 3"));
    BOOST_TEST(has(text, name + "_bucket{pool=\"p\",le=\"5\"} 3"));
    BOOST_TEST(has(text, name + "_bucket{pool=\"p\",le=\"+Inf\"} 4"));
    BOOST_TEST(has(text, "ringway_pool_moved_last_change_ratio{pool=\"p\"} 0.25"));
}

BOOST_AUTO_TEST_CASE(sources_have_an_age_from_their_first_good_answer_on) {
    MetricsSnapshot numbers;
    numbers.sources.push_back(
        {.pool = "p", .source = "dns", .servers = 3, .up = true, .age_s = 2.5});
    numbers.sources.push_back({.pool = "p", .source = "etcd"});
    numbers.dns_answers.with_records = 7;
    numbers.dns_answers.failed = {1, 2, 3, 4, 5, 6, 8};
    numbers.dns_names = 4;
    numbers.dns_names_failing = 1;
    const std::string text = text_of(std::move(numbers));
    BOOST_TEST(has(text, R"(ringway_source_servers{pool="p",source="dns"} 3)"));
    BOOST_TEST(has(text, R"(ringway_source_up{pool="p",source="dns"} 1)"));
    BOOST_TEST(has(text, R"(ringway_source_up{pool="p",source="etcd"} 0)"));
    BOOST_TEST(has(text, R"(ringway_source_age_seconds{pool="p",source="dns"} 2.5)"));
    BOOST_TEST(text.find(R"(age_seconds{pool="p",source="etcd"})") == std::string::npos);
    const char* const results[] = {"no_such_name", "none_of_type", "server_failure", "refused",
                                   "timed_out",    "unreachable",  "malformed",      "records"};
    const char* const counts[] = {"1", "2", "3", "4", "5", "6", "8", "7"};
    for (std::size_t i = 0; i < std::size(results); ++i) {
        BOOST_TEST(has(text, std::string("ringway_dns_answers_total{result=\"") + results[i] +
                                 "\"} " + counts[i]));
    }
    BOOST_TEST(has(text, R"(ringway_dns_names{state="all"} 4)"));
    BOOST_TEST(has(text, R"(ringway_dns_names{state="failing"} 1)"));
    BOOST_TEST(text.find("ringway_fleet") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_fleet_has_metrics_of_its_own) {
    MetricsSnapshot numbers;
    numbers.fleet = FleetMetrics{.agrees = false, .replicas = 3, .etcd_up = true};
    const std::string text = text_of(std::move(numbers));
    BOOST_TEST(has(text, "ringway_fleet_agrees 0"));
    BOOST_TEST(has(text, "ringway_fleet_replicas 3"));
    BOOST_TEST(has(text, "ringway_fleet_etcd_up 1"));
    BOOST_TEST(has(text, "ringway_fleet_health_in_force 0"));
}

BOOST_AUTO_TEST_SUITE_END()

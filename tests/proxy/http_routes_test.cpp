#include "proxy/admin/http_routes.h"

#include <string>
#include <string_view>
#include <variant>

#include <boost/test/unit_test.hpp>

using namespace ringway::proxy;

namespace {

HttpQuestion question(std::string_view target) {
    const auto routed = route_http(target);
    BOOST_TEST_REQUIRE(routed.has_value(), target);
    return *routed;
}

// "404 why", or "no refusal".
std::string refusal(std::string_view target) {
    const auto routed = route_http(target);
    if (routed) return "no refusal";
    return std::to_string(routed.error().status) + " " + routed.error().reason;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(http_routes)

BOOST_AUTO_TEST_CASE(every_page_is_found_at_its_place) {
    const auto page = [](std::string_view target) { return question(target).page; };
    BOOST_TEST((page("/") == HttpPage::file));
    BOOST_TEST((page("/page.css") == HttpPage::file));
    BOOST_TEST(question("/page.js").file == "/page.js");
    BOOST_TEST((page("/metrics") == HttpPage::metrics));
    BOOST_TEST((page("/healthz") == HttpPage::health));
    BOOST_TEST((page("/readyz") == HttpPage::readiness));
    BOOST_TEST((page("/v1/status") == HttpPage::status));
    BOOST_TEST((page("/v1/events") == HttpPage::events));
    BOOST_TEST((page("/v1/certificates") == HttpPage::certificates));
    BOOST_TEST((page("/v1/pools/p/servers") == HttpPage::servers));
    BOOST_TEST((page("/v1/pools/p/servers/a") == HttpPage::server));
    BOOST_TEST((page("/v1/pools/p/explain?key=k") == HttpPage::explain));
    BOOST_TEST((page("/v1/pools/p/ring") == HttpPage::ring));
    BOOST_TEST((page("http://a.example:80/metrics") == HttpPage::metrics));
    BOOST_TEST((page("http://a.example") == HttpPage::file));
}

BOOST_AUTO_TEST_CASE(names_and_keys_are_any_bytes_percent_encoded) {
    using namespace std::string_literals;
    const auto server = question("/v1/pools/re%64is/servers/a%2Fb%20%c3%Bc");
    BOOST_TEST(server.pool == "redis");
    BOOST_TEST(server.server == "a/b \xc3\xbc");
    BOOST_TEST(question("/v1/pools/p/explain?key=%00%ff%26a+b%3d").key == "\0\xff&a+b="s);
    BOOST_TEST(question("/v1/pools/p/explain?key=").key.empty());
    BOOST_TEST(question("/v1/pools/p/explain?key=a=b").key == "a=b");
    BOOST_TEST(question("/v1/pools/p/explain?k%65y=x").key == "x");
    BOOST_TEST(question("/v1/events?n=17").count == 17u);
    BOOST_TEST(question("/v1/events").count == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_nowhere_is_not_found) {
    for (const auto* target :
         {"/x", "/v1", "/v1/", "/v1/pools", "/v1/pools/", "/v1/pools/p", "/v1/pools/p/",
          "/v1/pools/p/x", "/v1/pools/p/servers/", "/v1/pools/p/servers/a/b", "/v1/pools/p/ring/a",
          "/v2/pools/p/ring", "/metrics/", "//metrics", "/page.html", "/../page.css", "/%2e"}) {
        BOOST_TEST(refusal(target) == "404 no such path: " + std::string(target));
    }
    BOOST_TEST(refusal("/\x1b[2J") == "404 no such path: /\\x1b[2J");
    BOOST_TEST(refusal("/" + std::string(1000, 'x')).size() == 146u);
}

// Balancers and browsers add parameters against caches.
BOOST_AUTO_TEST_CASE(where_there_are_no_parameters_a_query_means_nothing) {
    const auto page = [](std::string_view target) { return question(target).page; };
    BOOST_TEST((page("/healthz?x=1") == HttpPage::health));
    BOOST_TEST((page("/readyz?") == HttpPage::readiness));
    BOOST_TEST((page("/metrics?a=1&a=2&%zz") == HttpPage::metrics));
    BOOST_TEST((page("/?a=1") == HttpPage::file));
    BOOST_TEST((page("/v1/status?_=17") == HttpPage::status));
    BOOST_TEST((page("/v1/pools/p/servers?x") == HttpPage::servers));
    BOOST_TEST((page("http://here?x=1") == HttpPage::file));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_refused_and_no_parameter_is_ignored) {
    const std::string hex = "400 a percent sign must be followed by two hex digits";
    BOOST_TEST(refusal("/v1/pools/p%/ring") == hex);
    BOOST_TEST(refusal("/v1/pools/p%4/ring") == hex);
    BOOST_TEST(refusal("/v1/pools/p/servers/%zz") == hex);
    BOOST_TEST(refusal("/v1/pools/p/explain?key=%f") == hex);
    BOOST_TEST(refusal("/v1/pools/p/explain") == "400 explain needs a key: explain?key=KEY");
    BOOST_TEST(refusal("/v1/pools/p/explain?key=a&key=b") ==
               "400 the parameter \"key\" is given twice");
    BOOST_TEST(refusal("/v1/pools/p/explain?key=a&x=b") == "400 unknown parameter \"x\"");
    for (const auto* n : {"0", "-1", "x", "1x", "", "99999999999999999999999"}) {
        BOOST_TEST(refusal("/v1/events?n=" + std::string(n)) ==
                   "400 n must be a whole number of at least 1");
    }
    BOOST_TEST(refusal("*") == "400 a target begins with /");
    BOOST_TEST(refusal("a.example:80") == "400 a target begins with /");
}

BOOST_AUTO_TEST_SUITE_END()

// What ringctl shows of a fleet, and of servers that come from elsewhere than the file.
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include "tools/ringctl/render.h"

using namespace ringway::ringctl;
namespace json = boost::json;

namespace {

std::string shown(std::string_view command, std::string_view answer, bool colours = false) {
    return render(command, json::parse(answer).as_object(), colours);
}

bool has(const std::string& text, std::string_view line) {
    return text.find(line) != std::string::npos;
}

constexpr std::string_view replicas =
    R"("replicas":[{"name":"proxy-0","here":true,"version":"1.2.0",)"
    R"("started_at":"2031-05-01T10:00:00Z","generation":4,"file":"f","health":"majority",)"
    R"("pools":{"main":{"fingerprint":"r","servers":3,"online":3},)"
    R"("web":{"fingerprint":"w","servers":2,"online":2}},"differs_in":[],"differs_since_s":null},)"
    R"({"name":"proxy-1","here":false,"version":"1.2.0","started_at":"2031-05-01T10:05:00Z",)"
    R"("generation":5,"file":"g","health":"majority",)"
    R"("pools":{"main":{"fingerprint":"s","servers":3,"online":2}},)"
    R"("differs_in":["file","pool main","pool web"],"differs_since_s":7}])";

std::string fleet_of(std::string_view fields) {
    return R"({"ok":true,"fleet":{"name":"proxy-0",)" + std::string(fields) + ',' +
           std::string(replicas) + "}}";
}

constexpr std::string_view well =
    R"("prefix":"/ringway/fleet/","state":"in_sync","state_since_s":192,"reason":null,)"
    R"("endpoint":"192.0.2.1:2379","not_published":null,"health":"majority",)"
    R"("health_in_force":"majority","agrees":false,"agrees_since_s":5,"name_is_taken":false,)"
    R"("overrides":[],"problems":[])";

}  // namespace

BOOST_AUTO_TEST_SUITE(render_fleet_)

BOOST_AUTO_TEST_CASE(a_fleet_is_a_table_of_its_replicas) {
    BOOST_TEST(
        shown("fleet", fleet_of(well)) ==
        "etcd      in sync for 3m 12s, member 192.0.2.1:2379\n"
        "checks    what most replicas find decides\n"
        "replicas  disagree for 5s\n"
        "\n"
        "REPLICA     VERSION  UP SINCE              GENERATION  FILE     POOLS      DIFFERS FOR  "
        "ONLINE\n"
        "proxy-0  *  1.2.0    2031-05-01T10:00:00Z           4  agrees   agree                -  "
        "   5/5\n"
        "proxy-1     1.2.0    2031-05-01T10:05:00Z           5  differs  main, web           7s  "
        "   2/3\n");
    BOOST_TEST(shown("fleet", R"({"ok":true,"fleet":null})") == "this proxy is in no fleet\n");
    BOOST_TEST(shown("fleet", fleet_of(well), true).find("\x1b[31mdisagree for 5s\x1b[0m") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_fleet_without_etcd_says_why_and_what_decides_meanwhile) {
    const std::string text =
        shown("fleet",
              fleet_of(R"("state":"lost","state_since_s":12,"reason":"connection refused",)"
                       R"("not_published":"no answer","health":"majority","health_in_force":"own",)"
                       R"("agrees":true,"agrees_since_s":60,"name_is_taken":true,)"
                       R"("problems":["words/main/b: not JSON"],)"
                       R"("overrides":[{"pool":"main","id":"b","override":"drain"}])"));
    BOOST_TEST(has(text, "etcd      lost for 12s: connection refused\n"));
    BOOST_TEST(has(text, "checks    this replica's own decide, for want of etcd\n"));
    BOOST_TEST(has(text, "replicas  all agree for 1m 0s\n"));
    BOOST_TEST(has(text, "warning   another process has the name proxy-0 too\n"));
    BOOST_TEST(has(text, "warning   the other replicas do not know this one's state: no answer\n"));
    BOOST_TEST(has(text, "warning   not understood: words/main/b: not JSON\n"));
    BOOST_TEST(
        text.ends_with("\n\n"
                       "POOL  ID  OVERRIDE OF THE FLEET\n"
                       "main  b   drain\n"));
    const std::string own =
        shown("fleet", fleet_of(R"("state":"connecting","state_since_s":2,"health":"own",)"
                                R"("health_in_force":"own")"));
    BOOST_TEST(has(own, "etcd      connecting for 2s\n"));
    BOOST_TEST(has(own, "checks    this replica's own decide, as in its file\n"));
}

BOOST_AUTO_TEST_CASE(a_plan_for_the_fleet_names_those_that_it_holds_for) {
    const auto plan = [](std::string_view state) {
        return shown("plan", R"({"ok":true,"refused":null,"changes":[],"fleet":{"name":"proxy-0",)"
                             R"("state":")" +
                                 std::string(state) + R"(",)" + std::string(replicas) + "}}");
    };
    BOOST_TEST(
        plan("in_sync").ends_with("\nthe plan holds for proxy-0\n"
                                  "not for proxy-1: it differs in file, pool main, pool "
                                  "web\n"));
    BOOST_TEST(has(plan("lost"), "etcd is not in sync: the other replicas are shown as last"));
    BOOST_TEST(shown("plan", R"({"ok":true,"fleet":{"name":"a","state":"in_sync","replicas":[)"
                             R"({"name":"b","differs_in":[]}]}})")
                   .ends_with("\nthe plan holds for a, b\n"));
    BOOST_TEST(!has(shown("plan", R"({"ok":true,"refused":null})"), "the plan holds"));
}

BOOST_AUTO_TEST_CASE(servers_show_their_source_where_it_is_not_the_file) {
    const std::string file = R"({"pool":"p","id":"a","address":"192.0.2.1:7","source":"file"})";
    const std::string dns = R"({"pool":"p","id":"b","address":null,"source":"dns"})";
    BOOST_TEST(!has(shown("servers", R"({"servers":[)" + file + "]}"), "SOURCE"));
    const std::string text = shown("servers", R"({"servers":[)" + file + ',' + dns + "]}");
    BOOST_TEST(has(text, "POOL  ID  ADDRESS      SOURCE  WEIGHT"));
    BOOST_TEST(has(text, "p     a   192.0.2.1:7  file  "));
    BOOST_TEST(has(text, "p     b   -            dns  "));
    BOOST_TEST(has(shown("servers", R"({"servers":[)" + dns + "]}", true), "\x1b[31m-\x1b[0m"));
}

BOOST_AUTO_TEST_CASE(a_server_shows_its_host_and_who_decides_what) {
    const auto server = [](std::string_view host) {
        return shown("server", R"({"server":{"id":"b","host":)" + std::string(host) +
                                   R"(,"layers":{"address":"dns","weight":"runtime",)"
                                   R"("max_connections":"file","override":null}}})");
    };
    const std::string well_known = server(R"({"name":"b.test","age_s":3,"problem":null})");
    BOOST_TEST(has(well_known, "\nhost         b.test, resolved 3s ago\n"));
    BOOST_TEST(
        has(well_known, "\nlayers       address dns, weight runtime, max_connections file\n"));
    BOOST_TEST(has(server(R"({"name":"b.test","age_s":null,"problem":"no such name"})"),
                   "\nhost         b.test, never resolved, no such name\n"));
    BOOST_TEST(!has(server("null"), "\nhost"));
}

BOOST_AUTO_TEST_CASE(status_shows_the_sources_of_pools) {
    BOOST_TEST(
        shown("status",
              R"({"ok":true,"pools":[{"name":"a","sources":[]},{"name":"b","sources":[)"
              R"({"source":"dns","what":"srv _redis._tcp.example","servers":3,"age_s":192,)"
              R"("problem":"timed out","warnings":["x: port 0"],"warnings_left_out":7},)"
              R"({"source":"etcd","what":"etcd /b/","servers":0,"age_s":null,"problem":null,)"
              R"("warnings":[],"warnings_left_out":0}]}]})")
            .ends_with("\n\n"
                       "POOL  SOURCE                   SERVERS     AGE  PROBLEM\n"
                       "b     srv _redis._tcp.example        3  3m 12s  timed out\n"
                       "b     etcd /b/                       0   never  -\n"
                       "pool b, srv _redis._tcp.example: x: port 0\n"
                       "pool b, srv _redis._tcp.example: and 7 more warnings\n"));
    BOOST_TEST(
        !has(shown("status", R"({"ok":true,"pools":[{"name":"a","sources":[]}]})"), "SOURCE"));
}

BOOST_AUTO_TEST_CASE(strange_answers_about_a_fleet_do_no_harm) {
    for (const char* answer :
         {R"({"ok":true,"fleet":{"replicas":[1,{}],"overrides":{},"problems":7}})",
          R"({"ok":true,"fleet":{"replicas":[{"pools":[],"differs_in":"x"}]}})",
          R"({"ok":true,"fleet":7,"pools":[{"sources":[{}]}],"server":{"host":1,"layers":[]}})"}) {
        for (const char* command : {"fleet", "plan", "status", "server"}) {
            BOOST_TEST(!shown(command, answer).empty());
        }
    }
    BOOST_TEST(has(shown("fleet", R"({"fleet":{"replicas":[{"name":"\u001b[2J"}]}})"), "\\x1b[2J"));
}

BOOST_AUTO_TEST_SUITE_END()

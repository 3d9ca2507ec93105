// Whatever entry of a file changes, the difference names it.
#include "conf/difference.h"

#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/conf/difference_cases.h"
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

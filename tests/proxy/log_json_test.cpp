// The log as JSON: one object a line, whatever bytes are in it.
#include <string>

#include <spdlog/spdlog.h>
#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/base/access_log.h"
#include "proxy/base/presentable.h"
#include "tests/proxy/captured_log.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace std::string_literals;
using Format = conf::LogSettings::Format;
using Level = conf::LogSettings::Level;
namespace json = boost::json;

namespace {

struct Fixture {
    Fixture() { proxy::set_log_style({.format = Format::json}); }

    // The only line, without its time.
    json::object line() const {
        BOOST_REQUIRE(log.has("\n"));
        const std::string text = log.text();
        BOOST_TEST(text.find('\n') == text.size() - 1);
        json::object object = json::parse(text).as_object();
        BOOST_TEST(object.begin()->key() == "time");
        const std::string time(object.at("time").as_string());
        BOOST_TEST(time.size() == std::string("2026-01-31T23:59:59.123Z").size());
        BOOST_TEST(time[10] == 'T');
        BOOST_TEST(time.back() == 'Z');
        object.erase("time");
        return object;
    }

    const test::CapturedLog log;
};

proxy::AccessEntry entry() {
    return {.listener = "front",
            .client = test::endpoint("192.0.2.1:4711"),
            .key = "k",
            .placed_by = "",
            .missing = "",
            .server = "a",
            .attempts = 2,
            .bytes_up = 10,
            .bytes_down = 20,
            .open_ms = 1.25,
            .total_ms = 99.96,
            .end = "done"};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(log_json, Fixture)

BOOST_AUTO_TEST_CASE(an_access_line_is_an_object_of_these_fields) {
    proxy::log_access(entry());
    BOOST_TEST(line() == json::parse(R"({"level":"access","listener":"front",)"
                                     R"("client":"192.0.2.1:4711","key":"k","server":"a",)"
                                     R"("attempts":2,"bytes_up":10,"bytes_down":20,)"
                                     R"("open_ms":1.2,"total_ms":100.0,"end":"done"})")
                             .as_object());
}

BOOST_AUTO_TEST_CASE(an_access_line_tells_of_a_missing_key_and_of_no_server) {
    auto placed = entry();
    placed.placed_by = "source_ip";
    placed.missing = "key_missing";
    placed.server = "";
    proxy::log_access(placed);
    const json::object object = line();
    BOOST_TEST(object.at("placed_by") == "source_ip");
    BOOST_TEST(object.at("missing") == "key_missing");
    BOOST_TEST(object.at("server").is_null());
}

BOOST_AUTO_TEST_CASE(a_key_has_the_escapes_of_the_text_line) {
    auto strange = entry();
    strange.key = "a\"\\\n\xff";
    strange.server = "caf\xc3\xa9 \"1\"";
    proxy::log_access(strange);
    const json::object object = line();
    BOOST_TEST(object.at("key") == R"(a\x22\x5c\x0a\xff)");
    BOOST_TEST(object.at("server") == "caf\xc3\xa9 \"1\"");
}

BOOST_AUTO_TEST_CASE(a_message_is_an_object_with_its_level) {
    spdlog::warn("it says \"{}\"", "a\nb\xff");
    BOOST_TEST(line() ==
               (json::object{{"level", "warning"}, {"message", "it says \"a\nb\xef\xbf\xbd\""}}));
}

BOOST_AUTO_TEST_CASE(the_format_changes_in_the_midst_of_things) {
    spdlog::info("first");
    proxy::set_log_style({.format = Format::text});
    spdlog::info("second");
    BOOST_TEST(log.has("Z info second\n"));
    BOOST_TEST(log.count(R"(","level":"info","message":"first"})") == 1u);
}

BOOST_AUTO_TEST_CASE(a_word_about_losses_is_in_the_format_of_the_day) {
    const auto told = json::parse(proxy::log_loss_line(1)).as_object();
    BOOST_TEST(told.at("level") == "warning");
    BOOST_TEST(told.at("message").as_string().starts_with("log: 1 line was lost"));
    proxy::set_log_style({.format = Format::text});
    BOOST_TEST(proxy::log_loss_line(2).find("Z warning log: 2 lines were lost") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(any_bytes_make_a_valid_string) {
    // "é" as UTF-8, the same cut short, an overlong slash, a surrogate, and all bytes.
    BOOST_TEST(json::parse(proxy::json_string("\xc3\xa9")) == "\xc3\xa9");
    BOOST_TEST(json::parse(proxy::json_string("\xc3")) == "\xef\xbf\xbd");
    BOOST_TEST(json::parse(proxy::json_string("\xc0\xaf")) == "\xef\xbf\xbd\xef\xbf\xbd");
    BOOST_TEST(proxy::json_string("\0\x1f\x7f\xc2\x85"s) == R"("\u0000\u001f\u007f\u0085")");
    test::SeededRandom random;
    for (int i = 0; i < 2'000; ++i) {
        std::string bytes(random.below(40), '\0');
        for (char& c : bytes) c = static_cast<char>(random.below(256));
        const std::string text = proxy::json_string(bytes);
        json::error_code error;
        json::parse(text, error);  // which refuses what is not UTF-8
        BOOST_REQUIRE_MESSAGE(!error, error.message() << ": " << text);
        BOOST_REQUIRE(text.find('\n') == std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()

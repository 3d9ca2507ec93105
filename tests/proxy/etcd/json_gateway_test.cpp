// Requests and answers of the JSON gateway as text, hostile ones among them.
#include "proxy/etcd/json_gateway.h"

#include <limits>
#include <random>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "conf/text.h"
#include "proxy/etcd/base64.h"
#include "proxy/etcd/line_splitter.h"
#include "proxy/etcd/range_reader.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::EtcdError;

namespace {

using Kind = EtcdError::Kind;

const std::string header =
    R"("header":{"cluster_id":"18446744073709551615","member_id":"2","revision":"7","raft_term":"3"})";

std::string page_of(const std::string& rest) {
    return "{" + header + rest + "}";
}

std::string message_of(const std::string& rest) {
    return R"({"result":{)" + header + rest + "}}";
}

// A key with an empty value.
std::string key(const std::string& bytes) {
    return R"({"key":")" + proxy::to_base64(bytes) + R"(","mod_revision":"5"})";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_json_gateway)

// RFC 4648, section 10.
BOOST_AUTO_TEST_CASE(base64_has_the_vectors_of_its_rfc) {
    const std::vector<std::pair<std::string, std::string>> vectors{
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (const auto& [bytes, text] : vectors) {
        BOOST_CHECK(proxy::to_base64(bytes) == text);
        BOOST_CHECK(proxy::from_base64(text) == bytes);
    }
    std::mt19937 random(1);
    for (int i = 0; i < 1000; ++i) {
        std::string bytes(random() % 100, '\0');
        for (char& each : bytes) each = static_cast<char>(random());
        BOOST_CHECK(proxy::from_base64(proxy::to_base64(bytes)) == bytes);
    }
}

BOOST_AUTO_TEST_CASE(other_base64_is_refused) {
    for (const std::string_view text :
         {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "=", "Zm9v\n", " Zm9v", "Zm-_",
          "Zg==Zg==", "Z=9v", "Zm9v=", "Zm9\xff"}) {
        BOOST_CHECK_MESSAGE(!proxy::from_base64(text), text);
    }
}

BOOST_AUTO_TEST_CASE(the_end_of_a_prefix_is_the_next_key) {
    BOOST_CHECK(proxy::end_of_prefix("/p/") == "/p0");
    BOOST_CHECK(proxy::end_of_prefix("a\xff\xff") == "b");
    BOOST_CHECK(proxy::end_of_prefix("\xff") == std::string(1, '\0'));
    BOOST_CHECK(proxy::end_of_prefix("") == std::string(1, '\0'));
}

BOOST_AUTO_TEST_CASE(requests_are_json) {
    BOOST_CHECK(proxy::range_request("f", "g", 10, 3) ==
                R"({"key":"Zg==","range_end":"Zw==","limit":"10","revision":"3"})");
    BOOST_CHECK(proxy::put_request("f", "", std::numeric_limits<std::int64_t>::max()) ==
                R"({"key":"Zg==","value":"","lease":"9223372036854775807"})");
    BOOST_CHECK(proxy::watch_request("f", 8) ==
                R"({"create_request":{"key":"Zg==","range_end":"Zw==","start_revision":"8",)"
                R"("progress_notify":true}})");
    BOOST_CHECK(proxy::authenticate_request("a\"", "\\\n") ==
                R"({"name":"a\"","password":"\\\n"})");
}

BOOST_AUTO_TEST_CASE(a_page_is_understood) {
    const auto page = proxy::parse_page(
        page_of(R"(,"kvs":[{"key":"Zg==","value":"Zw==","create_revision":"1","mod_revision":"5",)"
                R"("version":"9","lease":"-3"},)" +
                key("h") + R"(],"more":true,"count":"7","new":{}})"));
    BOOST_CHECK(!page);  // one brace too many
    const auto good = proxy::parse_page(
        page_of(R"(,"kvs":[{"key":"Zg==","value":"Zw==","mod_revision":5,"lease":"-3"},)" +
                key("h") + R"(],"more":true,"count":"7","new":{})"));
    BOOST_REQUIRE(good);
    BOOST_CHECK(good->header ==
                (proxy::EtcdHeader{std::numeric_limits<std::uint64_t>::max(), 7, 3}));
    BOOST_CHECK(good->more);
    BOOST_REQUIRE(good->keys.size() == 2);
    BOOST_CHECK(good->keys[0] == (proxy::EtcdKeyValue{"f", "g", 5, -3}));
    BOOST_CHECK(good->keys[1] == (proxy::EtcdKeyValue{"h", "", 5, 0}));
    BOOST_CHECK(proxy::parse_page(page_of(""))->keys.empty());
}

BOOST_AUTO_TEST_CASE(messages_of_a_watch_are_understood) {
    const auto created = proxy::parse_watch_message(message_of(R"(,"created":true)"));
    BOOST_REQUIRE(created);
    BOOST_CHECK(created->created);
    const auto events = proxy::parse_watch_message(
        message_of(R"(,"events":[{"kv":)" + key("a") + R"(},{"type":"DELETE","kv":)" + key("b") +
                   R"(},{"type":"PUT","kv":)" + key("c") + "}]"));
    BOOST_REQUIRE(events);
    BOOST_REQUIRE(events->events.size() == 3);
    BOOST_CHECK(!events->events[0].is_delete);
    BOOST_CHECK(events->events[1].is_delete);
    BOOST_CHECK(events->events[1].key.key == "b");
    const auto compacted =
        proxy::parse_watch_message(message_of(R"(,"canceled":true,"compact_revision":"6")"));
    BOOST_REQUIRE(compacted);
    BOOST_CHECK(compacted->canceled);
    BOOST_CHECK(compacted->compacted == 6);
    const auto lost = proxy::parse_watch_message(
        R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}})");
    BOOST_CHECK(lost.error() == (EtcdError{Kind::unavailable, "etcdserver: no leader"}));
}

BOOST_AUTO_TEST_CASE(errors_are_told_apart) {
    const auto kind_of = [](const std::string& message, int code) {
        return proxy::parse_error(400, R"({"error":")" + message + R"(","message":")" + message +
                                           R"(","code":)" + std::to_string(code) + "}")
            .kind;
    };
    BOOST_CHECK(kind_of("etcdserver: mvcc: required revision has been compacted", 11) ==
                Kind::compacted);
    BOOST_CHECK(kind_of("etcdserver: mvcc: required revision is a future revision", 11) ==
                Kind::future);
    BOOST_CHECK(kind_of("etcdserver: requested lease not found", 5) == Kind::lease_not_found);
    BOOST_CHECK(kind_of("etcdserver: invalid auth token", 16) == Kind::token_refused);
    BOOST_CHECK(kind_of("etcdserver: user name is empty", 3) == Kind::token_refused);
    BOOST_CHECK(kind_of("etcdserver: authentication is not enabled", 9) == Kind::auth_disabled);
    BOOST_CHECK(kind_of("etcdserver: permission denied", 7) == Kind::refused);
    BOOST_CHECK(kind_of("etcdserver: no leader", 14) == Kind::unavailable);
    BOOST_CHECK(kind_of("etcdserver: request timed out", 14) == Kind::unavailable);
    // Of the gateway of etcd 3.6, which has no "error".
    BOOST_CHECK(
        proxy::parse_error(404, R"({"code":5,"message":"lease not found","details":[]})").kind ==
        Kind::lease_not_found);
    BOOST_CHECK(proxy::parse_error(404, "404 page not found").text ==
                "the answer has the status 404 of HTTP");
    BOOST_CHECK(proxy::parse_error(401, "").kind == Kind::token_refused);
    BOOST_CHECK(proxy::parse_error(500, page_of("")).kind == Kind::unavailable);
}

BOOST_AUTO_TEST_CASE(texts_of_errors_are_presentable_and_short) {
    const auto error =
        proxy::parse_error(400, R"({"code":3,"message":"\u001b[31m)" +
                                    std::string(100'000, 'x').substr(0, 60'000) + "\"}");
    BOOST_CHECK(!conf::has_control(error.text));
    BOOST_CHECK(error.text.size() < 300);
}

BOOST_AUTO_TEST_CASE(leases_and_tokens_are_understood) {
    const auto lease = proxy::parse_lease(page_of(R"(,"ID":"5","TTL":"60")"));
    BOOST_REQUIRE(lease);
    BOOST_CHECK(*lease == (proxy::EtcdLease{5, 60s}));
    BOOST_CHECK(proxy::parse_kept(message_of(R"(,"ID":"5","TTL":"60")"))->ttl == 60s);
    BOOST_CHECK(proxy::parse_kept(message_of(R"(,"ID":"5")"))->ttl == 0s);
    BOOST_CHECK(proxy::parse_kept(message_of(R"(,"ID":"5","TTL":"-1")"))->ttl == 0s);
    for (const char* const wrong :
         {"", R"(,"ID":"5")", R"(,"ID":"0","TTL":"5")", R"(,"ID":"-1","TTL":"5")",
          R"(,"ID":"1","TTL":"-5")", R"(,"ID":"1","TTL":"9223372036854775807")"}) {
        BOOST_CHECK_MESSAGE(!proxy::parse_lease(page_of(wrong)), wrong);
    }
    BOOST_CHECK(*proxy::parse_token(R"({"token":"abc.1"})") == "abc.1");
    for (const char* const wrong : {"{}", R"({"token":""})", R"({"token":1})",
                                    R"({"token":"a\r\nHost: b"})", R"({"token":"a b"})"}) {
        BOOST_CHECK_MESSAGE(!proxy::parse_token(wrong), wrong);
    }
}

BOOST_AUTO_TEST_CASE(hostile_answers_are_refused) {
    std::vector<std::string> texts{"",
                                   "{",
                                   "[]",
                                   "null",
                                   "1",
                                   "\"x\"",
                                   "{}",
                                   "{}{}",
                                   "\xff",
                                   R"({"header":1})",
                                   R"({"header":{"revision":"-1"}})",
                                   R"({"header":{"revision":"1x"}})",
                                   R"({"header":{"revision":""}})",
                                   R"({"header":{"revision":1.5}})",
                                   R"({"header":{"revision":"9223372036854775808"}})",
                                   R"({"header":{"cluster_id":"-1"}})",
                                   R"({"header":{"cluster_id":[]}})",
                                   R"({"error":1})",
                                   R"({"error":{"message":1}})"};
    for (const char* const rest :
         {R"(,"kvs":{})", R"(,"kvs":[1])", R"(,"kvs":[{}])", R"(,"kvs":[{"key":1}])",
          R"(,"kvs":[{"key":"Z","mod_revision":"1"}])", R"(,"kvs":[{"key":"","mod_revision":"1"}])",
          R"(,"kvs":[{"key":"Zg=="}])", R"(,"kvs":[{"key":"Zg==","mod_revision":"-1"}])",
          R"(,"kvs":[{"key":"Zg==","mod_revision":"1","value":"!"}])",
          R"(,"kvs":[{"key":"Zg==","mod_revision":"1","lease":true}])", R"(,"more":1)"}) {
        texts.push_back(page_of(rest));
    }
    texts.push_back(std::string(1'000'000, '['));
    texts.push_back(page_of(R"(,"x":)" + std::string(100, '[') + std::string(100, ']')));
    for (const std::string& text : texts) {
        const auto page = proxy::parse_page(text);
        BOOST_CHECK_MESSAGE(!page, text.substr(0, 100));
        BOOST_CHECK(!proxy::parse_watch_message(text));
        BOOST_CHECK(!proxy::parse_kept(text));
        BOOST_CHECK(!proxy::parse_lease(text));
    }
    for (const char* const rest :
         {R"(,"events":{})", R"(,"events":[1])", R"(,"events":[{}])", R"(,"events":[{"kv":1}])",
          R"(,"events":[{"type":"OTHER","kv":{"key":"Zg==","mod_revision":"1"}}])",
          R"(,"events":[{"type":1,"kv":{"key":"Zg==","mod_revision":"1"}}])", R"(,"canceled":"x")",
          R"(,"created":1)", R"(,"cancel_reason":1)", R"(,"compact_revision":"-1")"}) {
        BOOST_CHECK_MESSAGE(!proxy::parse_watch_message(message_of(rest)), rest);
    }
}

BOOST_AUTO_TEST_CASE(lines_are_cut_wherever_pieces_end) {
    const std::string text = "one\n\n \r\ntwo\nthree is longer\n";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        proxy::LineSplitter splitter(20);
        std::vector<std::string> lines;
        for (std::size_t at = 0; at < text.size(); at += size) {
            BOOST_REQUIRE(splitter.feed(text.substr(at, size)));
            while (const auto line = splitter.next()) lines.emplace_back(*line);
        }
        BOOST_CHECK(lines == (std::vector<std::string>{"one", "two", "three is longer"}));
    }
}

BOOST_AUTO_TEST_CASE(a_line_has_a_limit) {
    proxy::LineSplitter splitter(4);
    BOOST_CHECK(splitter.feed("1234\n12"));
    BOOST_CHECK(*splitter.next() == "1234");
    BOOST_CHECK(splitter.feed("34"));
    BOOST_CHECK(!splitter.next());
    BOOST_CHECK(!splitter.feed("5"));
    BOOST_CHECK(!proxy::LineSplitter(4).feed("12345\n"));
    BOOST_CHECK(!proxy::LineSplitter(4).feed("1\n12345"));
}

BOOST_AUTO_TEST_CASE(a_range_is_read_to_its_end) {
    proxy::RangeReader reader("/p/", 2);
    BOOST_CHECK(reader.request() == proxy::range_request("/p/", "/p0", 2, 0));
    const auto first =
        reader.take(page_of(R"(,"kvs":[)" + key("/p/a") + "," + key("/p/b") + R"(],"more":true)"));
    BOOST_REQUIRE(first);
    BOOST_CHECK(!*first);
    BOOST_CHECK(reader.request() == proxy::range_request(std::string("/p/b\0", 5), "/p0", 2, 7));
    BOOST_CHECK(*reader.take(page_of(R"(,"kvs":[)" + key("/p/c") + "]")));
    BOOST_CHECK(reader.snapshot().keys.size() == 3);
    BOOST_CHECK(reader.snapshot().header.revision == 7);
}

BOOST_AUTO_TEST_CASE(a_range_that_leads_astray_is_refused) {
    const std::string no_revision = R"({"header":{"cluster_id":"1"}})";
    BOOST_CHECK(!proxy::RangeReader("/p/", 2).take(no_revision));
    BOOST_CHECK(!proxy::RangeReader("/p/", 2).take(page_of(R"(,"more":true)")));
    BOOST_CHECK(!proxy::RangeReader("/p/", 2).take(page_of(R"(,"kvs":[)" + key("/q") + "]")));
    const std::string again = page_of(R"(,"kvs":[)" + key("/p/a") + R"(],"more":true)");
    proxy::RangeReader reader("/p/", 2);
    BOOST_CHECK(reader.take(again).has_value());
    BOOST_CHECK(!reader.take(again));
}

BOOST_AUTO_TEST_SUITE_END()

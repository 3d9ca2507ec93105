// Answers of etcd's JSON gateway. What is understood keeps its bounds, and a page leads on; what is
// refused has a reason fit for a terminal; base64 has one spelling; a stream may be cut anywhere.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "conf/text.h"
#include "proxy/etcd/base64.h"
#include "proxy/etcd/json_gateway.h"
#include "proxy/etcd/line_splitter.h"
#include "proxy/etcd/range_reader.h"
#include "tests/fuzz/mutation.h"

using namespace ringway;
namespace json = boost::json;
using fuzz::require;
using proxy::EtcdError;

namespace {

void check_error(const EtcdError& error) {
    require(!error.text.empty(), "a refusal has a reason");
    require(!conf::has_control(error.text), "a refusal is fit for a terminal");
    require(error.text.size() < 2000, "a refusal is short");
    require(error.kind != EtcdError::Kind::closed, "nobody closes a parser");
}

void check_key(const proxy::EtcdKeyValue& key) {
    require(!key.key.empty() && key.mod_revision > 0, "a key has a name and a revision");
}

void check_page(std::string_view text) {
    const auto page = proxy::parse_page(text);
    const auto header = proxy::parse_header(text);
    require(header || !page, "a page has a header");
    if (!header) check_error(header.error());
    if (!page) return check_error(page.error());
    require(page->header == *header, "a page's header is that of every answer");
    require(page->header.revision >= 0, "revisions are not negative");
    for (const auto& each : page->keys) check_key(each);
}

void check_range(std::string_view text) {
    proxy::RangeReader reader("a", 2);
    for (int pages = 0; pages < 3; ++pages) {
        const std::string request = reader.request();
        const auto done = reader.take(text);
        if (!done) return check_error(done.error());
        if (*done) break;
        require(reader.request() != request, "a page that is not the last leads on");
    }
    std::string last;
    for (const auto& each : reader.snapshot().keys) {
        require(each.key.starts_with("a") && each.key > last, "keys are in order");
        last = each.key;
    }
}

void check_message(std::string_view text) {
    const auto message = proxy::parse_watch_message(text);
    if (!message) return check_error(message.error());
    require(message->compacted >= 0, "revisions are not negative");
    for (const auto& each : message->events) check_key(each.key);
}

void check_leases(std::string_view text) {
    const auto lease = proxy::parse_lease(text);
    if (lease) {
        require(lease->id > 0 && lease->ttl.count() > 0, "a lease has an id and a time");
    } else {
        check_error(lease.error());
    }
    const auto kept = proxy::parse_kept(text);
    if (kept) {
        require(kept->ttl.count() >= 0, "a time is not negative");
    } else {
        check_error(kept.error());
    }
    const auto token = proxy::parse_token(text);
    if (token) {
        require(token->find_first_of("\r\n ") == std::string::npos, "a token is fit for HTTP");
    } else {
        check_error(token.error());
    }
}

// Whatever the bytes of keys and values are. Those of users are UTF-8.
void check_requests(std::string_view bytes) {
    const auto number = static_cast<std::int64_t>(bytes.size());
    for (const std::string& each :
         {proxy::range_request(bytes, bytes, 2, number), proxy::probe_request(bytes, number),
          proxy::put_request(bytes, bytes, number), proxy::remove_request(bytes),
          proxy::watch_request(bytes, number), proxy::grant_request(std::chrono::seconds(number)),
          proxy::lease_request(number)}) {
        json::error_code error;
        const json::value parsed = json::parse(each, error);
        require(!error && parsed.is_object(), "a request is an object");
    }
    json::error_code error;
    const json::value login = json::parse(proxy::authenticate_request(bytes, "x"), error);
    require(error || std::string_view(login.at("name").get_string()) == bytes,
            "a name is sent as it is");
    if (!bytes.empty()) {
        const std::string end = proxy::end_of_prefix(bytes);
        require(end == std::string(1, '\0') || end > bytes, "a prefix ends after its begin");
    }
}

void check_base64(std::string_view text) {
    if (const auto bytes = proxy::from_base64(text)) {
        require(proxy::to_base64(*bytes) == text, "base64 has one spelling");
    }
    require(proxy::from_base64(proxy::to_base64(text)) == text, "bytes come back");
}

std::vector<std::string> lines_of(std::string_view text, std::size_t size) {
    proxy::LineSplitter splitter(1 << 20);
    std::vector<std::string> lines;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
        require(splitter.feed(text.substr(0, size)), "no line is too long");
        while (const auto line = splitter.next()) lines.emplace_back(*line);
    }
    return lines;
}

json::value any_value(fuzz::Chance& chance) {
    static const std::array<json::value, 17> values{
        nullptr,
        true,
        0,
        7,
        -1,
        1.5,
        "",
        "0",
        "7",
        "-1",
        "9223372036854775808",
        "YQ==",
        "YWI=",
        "DELETE",
        json::array{},
        json::object{},
        json::object{{"key", "YWI="}, {"mod_revision", "5"}}};
    return chance.any(values);
}

void change(json::value& value, fuzz::Chance& chance);

void change_object(json::object& object, fuzz::Chance& chance) {
    static constexpr std::array<std::string_view, 22> names{
        "header",   "result",       "error", "kvs",   "kv",      "more",     "key",
        "value",    "events",       "type",  "ID",    "TTL",     "code",     "message",
        "revision", "mod_revision", "lease", "token", "created", "canceled", "compact_revision",
        "grpc_code"};
    if (object.empty() || chance.one_in(3)) {
        const auto name = chance.any(names);
        object[json::string_view(name.data(), name.size())] = any_value(chance);
        return;
    }
    auto* const entry = object.begin() + chance.below(object.size());
    if (chance.one_in(5)) {
        object.erase(entry);
    } else {
        change(entry->value(), chance);
    }
}

void change(json::value& value, fuzz::Chance& chance) {
    if (value.is_object() && !chance.one_in(8)) return change_object(value.get_object(), chance);
    if (value.is_array() && !chance.one_in(8)) {
        json::array& array = value.get_array();
        if (array.empty() || chance.one_in(4)) {
            array.push_back(any_value(chance));
        } else {
            change(array[chance.below(array.size())], chance);
        }
    } else if (value.is_string() && chance.one_in(2)) {
        value = chance.mutate(std::string(value.get_string()));
    } else {
        value = any_value(chance);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    const std::string text = fuzz::text_of(data, size);
    check_page(text);
    check_range(text);
    check_message(text);
    check_leases(text);
    check_error(proxy::parse_error(200 + size % 300, text));
    check_requests(text);
    check_base64(text);
    require(lines_of(text, 1) == lines_of(text, text.size() + 1), "a stream may be cut anywhere");
    return 0;
}

// The tree of a text that is JSON, else its bytes.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    fuzz::Chance chance(seed);
    json::error_code error;
    const std::string text = fuzz::text_of(data, size);
    json::value root = json::parse(text, error);
    if (error || chance.one_in(10)) return fuzz::store(chance.mutate(text), data, size_max);
    for (auto changes = 1 + chance.below(3); changes > 0; --changes) change(root, chance);
    return fuzz::store(json::serialize(root), data, size_max);
}

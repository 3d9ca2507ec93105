#include "proxy/etcd/json_gateway.h"

#include <charconv>
#include <concepts>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "proxy/base/presentable.h"
#include "proxy/etcd/base64.h"

namespace ringway::proxy {

namespace {

namespace json = boost::json;
using Kind = EtcdError::Kind;

constexpr std::size_t brief_bytes_max = 200;
constexpr std::size_t depth_max = 8;
constexpr std::size_t token_bytes_max = 4096;
constexpr std::int64_t ttl_seconds_max = 9'000'000'000;  // etcd's own limit

EtcdError malformed(std::string_view what) {
    return {Kind::malformed, fmt::format("not an answer of etcd: {}", what)};
}

// What gRPC's status codes say, with etcd's texts where codes are not enough.
Kind kind_of(std::int64_t code, std::string_view message) {
    const auto says = [&](std::string_view part) {
        return message.find(part) != std::string_view::npos;
    };
    if (says("revision has been compacted")) return Kind::compacted;
    if (says("future revision")) return Kind::future;
    if (says("lease not found")) return Kind::lease_not_found;
    if (says("authentication is not enabled")) return Kind::auth_disabled;
    if (says("invalid auth token") || says("user name is empty") || says("auth store is old") ||
        says("revision of auth store")) {
        return Kind::token_refused;
    }
    switch (code) {
        case 16:  // UNAUTHENTICATED
            return Kind::token_refused;
        case 3:  // INVALID_ARGUMENT
        case 5:  // NOT_FOUND
        case 6:  // ALREADY_EXISTS
        case 7:  // PERMISSION_DENIED
        case 9:  // FAILED_PRECONDITION
            return Kind::refused;
        default:
            return Kind::unavailable;
    }
}

std::string_view text_of(const json::value& value) {
    const json::string& text = value.get_string();
    return {text.data(), text.size()};
}

// Its fields, with defaults for those that are not there (proto3).
class Fields {
public:
    explicit Fields(const json::object& object) : object_(object) {}

    // A number, also as text, as 64-bit ones are.
    template <std::integral T>
    bool read(std::string_view name, T& to) const {
        const json::value* const value = object_.if_contains(name);
        if (value == nullptr || value->is_null()) return true;
        if (value->is_string()) return read_digits(text_of(*value), to);
        json::error_code error;
        to = value->to_number<T>(error);
        return !error;
    }
    bool read(std::string_view name, bool& to) const {
        const json::value* const value = object_.if_contains(name);
        if (value == nullptr || value->is_null()) return true;
        if (!value->is_bool()) return false;
        to = value->get_bool();
        return true;
    }
    bool read(std::string_view name, std::string& to) const {
        const json::value* const value = object_.if_contains(name);
        if (value == nullptr || value->is_null()) return true;
        if (!value->is_string()) return false;
        to = text_of(*value);
        return true;
    }
    bool read_bytes(std::string_view name, std::string& to) const {
        std::string text;
        if (!read(name, text)) return false;
        auto bytes = from_base64(text);
        if (bytes) to = std::move(*bytes);
        return bytes.has_value();
    }
    // nullptr for none, or for what is of another type.
    const json::object* object(std::string_view name) const {
        const json::value* const value = object_.if_contains(name);
        return value != nullptr ? value->if_object() : nullptr;
    }
    // Whether there is nothing else under that name than an array, which `to` points to.
    bool array(std::string_view name, const json::array*& to) const {
        const json::value* const value = object_.if_contains(name);
        if (value == nullptr || value->is_null()) return true;
        to = value->if_array();
        return to != nullptr;
    }

private:
    template <std::integral T>
    static bool read_digits(std::string_view digits, T& to) {
        const char* const end = digits.data() + digits.size();
        const auto [stop, error] = std::from_chars(digits.data(), end, to);
        return error == std::errc() && stop == end;
    }

    const json::object& object_;
};

// What an object says of an error: of one call {"error":TEXT,"code":N} or {"message":TEXT,
// "code":N}, in a stream {"error":{"grpc_code":N,"message":TEXT}}, by versions of etcd.
std::optional<EtcdError> error_in(const json::object& object) {
    const json::value* const error = object.if_contains("error");
    const bool is_status = object.contains("code") && object.contains("message");
    if (error == nullptr && !is_status) return std::nullopt;
    const json::object* const inner = error != nullptr ? error->if_object() : nullptr;
    const Fields fields(inner != nullptr ? *inner : object);
    std::int64_t code = 0;
    std::string message;
    bool ok = fields.read("message", message) && fields.read("code", code) &&
              fields.read("grpc_code", code);
    if (message.empty() && inner == nullptr) ok = ok && Fields(object).read("error", message);
    if (!ok) return malformed("an error of another form");
    return EtcdError{kind_of(code, message),
                     message.empty() ? "an error without a text" : brief(message)};
}

// A text that is an object and no error.
EtcdResult<json::value> parse_object(std::string_view text) {
    json::parse_options options;
    options.max_depth = depth_max;
    json::error_code error;
    json::value value = json::parse({text.data(), text.size()}, error, {}, options);
    if (error) return malformed(error.message());
    if (!value.is_object()) return malformed("not an object");
    if (auto found = error_in(value.get_object())) return *found;
    return value;
}

// The "result" of a message of a stream.
EtcdResult<json::value> parse_result(std::string_view text) {
    auto whole = parse_object(text);
    if (!whole) return whole.error();
    const json::value* const result = whole->get_object().if_contains("result");
    if (result == nullptr || !result->is_object()) return malformed("no result");
    return json::value(*result);
}

bool read_header(const Fields& fields, EtcdHeader& header) {
    const json::object* const object = fields.object("header");
    if (object == nullptr) return false;
    const Fields inside(*object);
    return inside.read("cluster_id", header.cluster) && inside.read("revision", header.revision) &&
           inside.read("raft_term", header.term) && header.revision >= 0;
}

bool read_key_value(const json::object& object, EtcdKeyValue& to) {
    const Fields fields(object);
    return fields.read_bytes("key", to.key) && fields.read_bytes("value", to.value) &&
           fields.read("mod_revision", to.mod_revision) && fields.read("lease", to.lease) &&
           !to.key.empty() && to.mod_revision > 0;
}

bool read_event(const json::value& value, EtcdEvent& to) {
    if (!value.is_object()) return false;
    const Fields fields(value.get_object());
    std::string type = "PUT";
    const json::object* const pair = fields.object("kv");
    if (pair == nullptr || !fields.read("type", type) || !read_key_value(*pair, to.key)) {
        return false;
    }
    to.is_delete = type == "DELETE";
    return to.is_delete || type == "PUT";
}

EtcdResult<EtcdLease> lease_in(const json::value& value) {
    const Fields fields(value.get_object());
    EtcdLease lease;
    std::int64_t seconds = 0;
    if (!fields.read("ID", lease.id) || !fields.read("TTL", seconds)) {
        return malformed("a lease of another form");
    }
    if (seconds > ttl_seconds_max) return malformed("a lease that never ends");
    // Of a lease that is not there some versions say -1.
    lease.ttl = std::chrono::seconds(seconds > 0 ? seconds : 0);
    return lease;
}

}  // namespace

std::string brief(std::string_view text) {
    std::string all = presentable(text.substr(0, brief_bytes_max));
    return text.size() > brief_bytes_max ? all + "..." : all;
}

std::string end_of_prefix(std::string_view prefix) {
    std::string end(prefix);
    while (!end.empty() && end.back() == '\xff') end.pop_back();
    if (end.empty()) return std::string(1, '\0');
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    return end;
}

std::string range_request(std::string_view from, std::string_view end, std::size_t limit,
                          std::int64_t revision) {
    return fmt::format(R"({{"key":"{}","range_end":"{}","limit":"{}","revision":"{}"}})",
                       to_base64(from), to_base64(end), limit, revision);
}

std::string probe_request(std::string_view prefix, std::int64_t revision) {
    return fmt::format(R"({{"key":"{}","range_end":"{}","revision":"{}","count_only":true}})",
                       to_base64(prefix), to_base64(end_of_prefix(prefix)), revision);
}

std::string put_request(std::string_view key, std::string_view value, std::int64_t lease) {
    return fmt::format(R"({{"key":"{}","value":"{}","lease":"{}"}})", to_base64(key),
                       to_base64(value), lease);
}

std::string remove_request(std::string_view key) {
    return fmt::format(R"({{"key":"{}"}})", to_base64(key));
}

std::string watch_request(std::string_view prefix, std::int64_t revision) {
    return fmt::format(R"({{"create_request":{{"key":"{}","range_end":"{}","start_revision":"{}",)"
                       R"("progress_notify":true}}}})",
                       to_base64(prefix), to_base64(end_of_prefix(prefix)), revision);
}

std::string grant_request(std::chrono::seconds ttl) {
    return fmt::format(R"({{"TTL":"{}"}})", ttl.count());
}

std::string lease_request(std::int64_t id) {
    return fmt::format(R"({{"ID":"{}"}})", id);
}

std::string authenticate_request(std::string_view name, std::string_view password) {
    const json::object request{{"name", json::string_view(name.data(), name.size())},
                               {"password", json::string_view(password.data(), password.size())}};
    return json::serialize(request);
}

EtcdResult<EtcdPage> parse_page(std::string_view text) {
    const auto value = parse_object(text);
    if (!value) return value.error();
    const Fields fields(value->get_object());
    EtcdPage page;
    const json::array* keys = nullptr;
    if (!read_header(fields, page.header) || !fields.read("more", page.more) ||
        !fields.array("kvs", keys)) {
        return malformed("a range of another form");
    }
    if (keys == nullptr) return page;
    page.keys.resize(keys->size());
    for (std::size_t i = 0; i < keys->size(); ++i) {
        const json::object* const each = (*keys)[i].if_object();
        if (each == nullptr || !read_key_value(*each, page.keys[i])) {
            return malformed("a key of another form");
        }
    }
    return page;
}

EtcdResult<EtcdHeader> parse_header(std::string_view text) {
    const auto value = parse_object(text);
    if (!value) return value.error();
    EtcdHeader header;
    if (!read_header(Fields(value->get_object()), header)) return malformed("no header");
    return header;
}

EtcdResult<EtcdLease> parse_lease(std::string_view text) {
    const auto value = parse_object(text);
    if (!value) return value.error();
    auto lease = lease_in(*value);
    if (lease && (lease->id <= 0 || lease->ttl.count() == 0)) return malformed("no lease");
    return lease;
}

EtcdResult<EtcdLease> parse_kept(std::string_view text) {
    const auto value = parse_result(text);
    if (!value) return value.error();
    return lease_in(*value);
}

EtcdResult<std::string> parse_token(std::string_view text) {
    const auto value = parse_object(text);
    if (!value) return value.error();
    std::string token;
    if (!Fields(value->get_object()).read("token", token) || token.empty()) {
        return malformed("no token");
    }
    // It becomes the value of a field of HTTP.
    for (const char c : token) {
        if (c < '!' || c > '~') return malformed("a token with other characters");
    }
    if (token.size() > token_bytes_max) return malformed("a token that is too long");
    return token;
}

EtcdResult<EtcdWatchMessage> parse_watch_message(std::string_view text) {
    const auto value = parse_result(text);
    if (!value) return value.error();
    const Fields fields(value->get_object());
    EtcdWatchMessage message;
    const json::array* events = nullptr;
    if (!read_header(fields, message.header) || !fields.read("created", message.created) ||
        !fields.read("canceled", message.canceled) ||
        !fields.read("cancel_reason", message.cancel_reason) ||
        !fields.read("compact_revision", message.compacted) || message.compacted < 0 ||
        !fields.array("events", events)) {
        return malformed("a message of another form");
    }
    if (events == nullptr) return message;
    message.events.resize(events->size());
    for (std::size_t i = 0; i < events->size(); ++i) {
        if (!read_event((*events)[i], message.events[i])) {
            return malformed("an event of another form");
        }
    }
    return message;
}

EtcdError parse_error(unsigned status, std::string_view text) {
    auto value = parse_object(text.substr(0, std::size_t{64} << 10));
    if (!value && value.error().kind != Kind::malformed) return value.error();
    const Kind kind = status == 401 ? Kind::token_refused : Kind::unavailable;
    return {kind, fmt::format("the answer has the status {} of HTTP", status)};
}

}  // namespace ringway::proxy

#include "proxy/control/etcd_server_text.h"

#include <cstdint>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "conf/limits.h"
#include "proxy/base/presentable.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

namespace json = boost::json;

constexpr std::int64_t connections_max = 1'000'000'000;

Result<std::uint32_t> number_in(const json::value& value, std::string_view name, std::int64_t min,
                                std::int64_t max) {
    if (!value.is_int64() || value.get_int64() < min || value.get_int64() > max) {
        return Reason(fmt::format("{}: expected a whole number from {} to {}", name, min, max));
    }
    return static_cast<std::uint32_t>(value.get_int64());
}

Result<void> read_entry(std::string_view name, const json::value& value, conf::Server& server,
                        bool& has_address) {
    if (name == "address") {
        const auto address =
            value.is_string() ? conf::ServerAddress::parse(value.get_string()) : std::nullopt;
        if (!address) return Reason("address: expected one, as 192.0.2.1:80 or host.example:80");
        server.address = *address;
        has_address = true;
        return {};
    }
    const bool is_weight = name == "weight";
    if (!is_weight && name != "max_connections") {
        return Reason(fmt::format("unknown entry \"{}\"", escaped(name)));
    }
    const auto number = is_weight ? number_in(value, name, 0, conf::weight_max)
                                  : number_in(value, name, 1, connections_max);
    if (!number) return number.error();
    (is_weight ? server.weight : server.max_connections) = *number;
    return {};
}

}  // namespace

Result<conf::Server> parse_etcd_server(std::string_view id, std::string_view value,
                                       const conf::ServersFrom& defaults) {
    if (id.empty() || id.size() > conf::id_bytes_max || !is_presentable(id)) {
        return Reason(fmt::format("an id is 1 to {} bytes of UTF-8 without control characters",
                                  conf::id_bytes_max));
    }
    json::error_code error;
    const json::value parsed = json::parse(json::string_view(value.data(), value.size()), error);
    if (error) return Reason("not valid JSON: " + error.message());
    if (!parsed.is_object()) return Reason("expected an object");
    conf::Server server;
    server.id = id;
    server.max_connections = defaults.max_connections;
    bool has_address = false;
    for (const auto& [name, entry] : parsed.get_object()) {
        if (auto read = read_entry(name, entry, server, has_address); !read) return read.error();
    }
    if (!has_address) return Reason("the entry \"address\" is missing");
    if (defaults.check_port != 0 && !server.address.endpoint.is_unix) {
        server.check_address = server.address.endpoint;
        server.check_address->port = defaults.check_port;
    }
    return server;
}

std::string etcd_server_text(const conf::ServerAddress& address, std::uint32_t weight) {
    return json::serialize(json::object{{"address", address.to_string()}, {"weight", weight}});
}

}  // namespace ringway::proxy

#include "conf/watch.h"

#include "conf/parse_routes.h"
#include "conf/parse_tls.h"

namespace ringway::conf {
namespace {

constexpr std::size_t errors_max = 100;

// What a good part may take, comments included; an ordinary server has 60 characters.
constexpr std::size_t server_characters_max = 1'024;
constexpr std::size_t certificate_characters_max = 1'024;
constexpr std::size_t pool_characters_max = 8'192;
constexpr std::size_t listener_characters_max = 8'192;
constexpr std::size_t network_characters_max = 64;
constexpr std::size_t route_characters_max = 2'048;
constexpr std::size_t name_characters_max = 320;  // of what a route asks for

// The entry of a map whose value is being read; empty where there is none.
std::string_view entry_in(const Node& map) {
    const bool has_one = map.kind == Node::Kind::map && map.items.size() % 2 == 1;
    return has_one ? std::string_view(map.items.back().text) : std::string_view();
}

}  // namespace

std::optional<std::size_t> PartsWatch::on_node(const std::vector<Node>& around,
                                               const Node& complete) {
    if (around.size() < 2) return std::nullopt;
    const bool in_list = around.back().kind == Node::Kind::list;
    const auto section = entry_in(around.front());
    if (section == "listeners" && around.size() == 2 && in_list) return on_listener(complete);
    if (section == "listeners" && around.size() == 5 && in_list && entry_in(around[2]) == "tls" &&
        entry_in(around[3]) == "certificates") {
        return on_certificate(complete);
    }
    const bool in_routes = section == "listeners" && around.size() >= 4 &&
                           around[3].kind == Node::Kind::list && entry_in(around[2]) == "routes";
    if (in_routes && around.size() == 4) return on_route(complete);
    if (in_routes && around.size() == 6 && in_list) return on_name(complete);
    if (section != "pools") return std::nullopt;
    const Node& pools = around[1];
    if (around.size() == 2 && !entry_in(pools).empty())
        return on_pool(pools.items.back(), complete);
    if (around.size() != 4 || !in_list || entry_in(around[2]) != "servers") return std::nullopt;
    return on_server(complete);
}

// The part is good if it has no errors; reading ends once there are enough errors.
std::optional<std::size_t> PartsWatch::judge(std::size_t new_errors,
                                             std::size_t characters_max) const {
    if (errors() >= errors_max) return 0;
    return new_errors == 0 ? std::optional(characters_max) : std::nullopt;
}

std::optional<std::size_t> PartsWatch::on_server(const Node& server) {
    if (!ids_) ids_.emplace("the id");
    const Path path;
    Report report;
    // Whether the pool is checked may follow later in the file.
    read_server(Value(server, path, report), *ids_, true);
    errors_of_pool_ += report.count();
    const bool too_many = ++servers_ > servers_max;
    return judge(report.count() + (too_many ? 1 : 0), server_characters_max);
}

std::optional<std::size_t> PartsWatch::on_certificate(const Node& certificate) {
    if (!chains_) chains_.emplace("the chain");
    const Path path;
    Report report;
    read_certificate(Value(certificate, path, report), *chains_);
    errors_of_listener_ += report.count();
    const bool too_many = ++certificates_ > certificates_max;
    return judge(report.count() + (too_many ? 1 : 0), certificate_characters_max);
}

std::optional<std::size_t> PartsWatch::on_route(const Node& route) {
    const Path path;
    Report report;
    read_route(Value(route, path, report));
    errors_of_listener_ += report.count();
    names_of_route_ = 0;
    const bool too_many = ++routes_ > routes_max;
    return judge(report.count() + (too_many ? 1 : 0), route_characters_max);
}

// Of the names, protocols and networks of one route; the whole route is judged at its end.
std::optional<std::size_t> PartsWatch::on_name(const Node& name) {
    const bool is_text = name.kind == Node::Kind::plain || name.kind == Node::Kind::quoted;
    const bool too_many = ++names_of_route_ > names_max;
    return judge(is_text && !too_many ? 0 : 1, name_characters_max);
}

std::optional<std::size_t> PartsWatch::on_pool(const Node& key, const Node& pool) {
    const Path path;
    Report report;
    read_pool(Value(key, path, report), Value(pool, path, report));
    names_.check(Value(key, path, report), key.text);
    errors_ += report.count();
    errors_of_pool_ = 0;
    servers_ = 0;
    ids_.reset();
    const bool too_many = ++pools_ > pools_max;
    return judge(report.count() + (too_many ? 1 : 0), pool_characters_max);
}

std::optional<std::size_t> PartsWatch::on_listener(const Node& node) {
    const Path path;
    Report report;
    const Listener listener = read_listener(Value(node, path, report), checks_);
    errors_ += report.count();
    errors_of_listener_ = 0;
    certificates_ = 0;
    chains_.reset();
    routes_ = 0;
    const auto networks = listener.proxy_protocol ? listener.proxy_protocol->trusted.size() : 0;
    const bool too_many = ++listeners_ > listeners_max;
    return judge(report.count() + (too_many ? 1 : 0),
                 listener_characters_max + networks * network_characters_max);
}

}  // namespace ringway::conf

#include "proxy/admin/fleet_commands.h"

#include <chrono>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proxy/control/etcd_server_text.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

// For this replica to hear of its own change.
constexpr std::chrono::milliseconds heard_within{1'000};
constexpr std::chrono::milliseconds heard_step{5};

Reason no_etcd(const std::string& pool) {
    return Reason(fmt::format("pool {} has no servers from etcd (servers_from)", escaped(pool)));
}

asio::awaitable<void> heard(Control& control, std::function<bool()> is_heard) {
    const TimePoint until = Clock::now() + heard_within;
    asio::steady_timer pause(control.io());
    while (!is_heard() && Clock::now() < until) {
        pause.expires_after(heard_step);
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

}  // namespace

asio::awaitable<Report> say_to_fleet(Control& control, std::string pool, std::string id,
                                     AdminState word) {
    const std::shared_ptr<Fleet> fleet = control.fleet();
    if (!fleet) co_return Reason("this proxy is in no fleet");
    const auto exists = control.pools().layers().check_exists(pool, id);
    const auto& words = fleet->view().words();
    const auto of_pool = words.find(pool);
    const bool has_word = of_pool != words.end() && of_pool->second.contains(id);
    if (!exists && !(word == AdminState::automatic && has_word)) {
        co_return Reason(escaped(exists.error().text));
    }
    const auto said = co_await fleet->say(pool, id, word);
    if (!said) co_return Reason(escaped(said.error().text));
    const auto server = report_change(control, pool, id);
    co_return server ? *server : json::object{};
}

asio::awaitable<Report> register_with_fleet(Control& control, std::string pool,
                                            std::vector<Pools::Registration> servers) {
    std::vector<std::pair<std::string, std::string>> entries;
    for (const Pools::Registration& server : servers) {
        std::string text = etcd_server_text(server.address, server.weight);
        const auto valid = parse_etcd_server(server.id, text, {});
        if (!valid)
            co_return Reason(fmt::format("server {}: {}", escaped(server.id), valid.error().text));
        if (control.pools().layers().check_exists(pool, server.id)) {
            co_return Reason(
                fmt::format("pool {} has a server {} already", escaped(pool), escaped(server.id)));
        }
        entries.emplace_back(server.id, std::move(text));
    }
    json::array ids;
    for (const auto& [id, text] : entries) {
        EtcdServers* const etcd = control.sources().etcd_of(pool);
        if (etcd == nullptr) co_return no_etcd(pool);
        const auto done = co_await etcd->client().put(etcd->from().etcd->prefix + id, text);
        if (!done) co_return Reason("etcd: " + escaped(done.error().text));
        ids.emplace_back(id);
    }
    const std::string last = entries.back().first;
    co_await heard(control, [&control, &pool, &last] {
        return control.pools().layers().check_exists(pool, last).has_value();
    });
    co_return json::object{{"registered", std::move(ids)}};
}

asio::awaitable<Report> unregister_with_fleet(Control& control, std::string pool, std::string id) {
    EtcdServers* const etcd = control.sources().etcd_of(pool);
    if (etcd == nullptr) co_return no_etcd(pool);
    if (!etcd->servers().contains(id) && !etcd->skipped().contains(id)) {
        co_return Reason(
            fmt::format("etcd has no server {} of pool {}", escaped(id), escaped(pool)));
    }
    const auto done = co_await etcd->client().remove(etcd->from().etcd->prefix + id);
    if (!done) co_return Reason("etcd: " + escaped(done.error().text));
    co_await heard(control, [&control, &pool, &id] {
        const EtcdServers* const now = control.sources().etcd_of(pool);
        return now == nullptr || !now->servers().contains(id);
    });
    co_return json::object{};
}

}  // namespace ringway::proxy

// Random histories of all layers, held against a model that keeps what was said and works out each
// server anew; and what does not fit.
#include "proxy/control/server_layers.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/pools_rig.h"
#include "tests/support/random.h"

using namespace ringway;
using proxy::AdminState;
using proxy::NamedChanges;
using proxy::NamedServers;
using proxy::ServerLayers;
using proxy::ServerSource;

namespace {

// What each layer has said, in the plainest form.
struct Said {
    std::map<std::string, conf::Server> named[3];  // file, dns, etcd
    std::map<std::string, AdminState> fleet;
    std::map<std::string, proxy::ServerOverrides> runtime;
    std::map<std::string, std::string> hosts;
    bool has_sources = true;

    std::string of(const std::string& id) const {
        const conf::Server* top = nullptr;
        for (const auto& layer : named) {
            if (const auto found = layer.find(id); found != layer.end()) top = &found->second;
        }
        const auto over = runtime.find(id);
        const bool is_registered = over != runtime.end() && over->second.registered;
        if (over != runtime.end() && over->second.unregistered) return "-";
        if (top == nullptr && !is_registered) return "-";
        conf::ServerAddress address = top != nullptr ? top->address : conf::ServerAddress();
        std::uint32_t weight = top != nullptr ? top->weight : 1;
        if (is_registered) {
            address = over->second.registered->address;
            weight = over->second.registered->weight;
        } else if (over != runtime.end()) {
            weight = over->second.weight.value_or(weight);
            address = over->second.address.value_or(address);
        }
        AdminState state = AdminState::automatic;
        if (const auto word = fleet.find(id); word != fleet.end()) state = word->second;
        if (over != runtime.end() && over->second.admin_state != AdminState::automatic) {
            state = over->second.admin_state;
        }
        std::string where = address.to_string();
        if (!address.host.empty()) {
            const auto host = hosts.find(address.host);
            where = host == hosts.end()
                        ? "nowhere"
                        : host->second + ':' + std::to_string(address.endpoint.port);
        }
        return where + " x" + std::to_string(weight) + ' ' + health::to_string(state);
    }
};

std::string shown(const std::optional<proxy::DesiredServer>& server) {
    if (!server) return "-";
    return (server->awaits_address() ? "nowhere" : server->address.to_string()) + " x" +
           std::to_string(server->weight) + ' ' + health::to_string(server->admin_state);
}

struct Histories {
    test::SeededRandom random;
    const std::vector<std::string> ids{"a", "b", "c", "d", "e", "f"};
    const std::vector<std::string> host_names{"h0", "h1", "h2"};
    Said said;
    ServerLayers layers{{.servers_of = [this](const conf::Pool&) {
        ServerLayers::Sourced sourced;
        sourced.dns.emplace(said.named[1].begin(), said.named[1].end());
        sourced.etcd.emplace(said.named[2].begin(), said.named[2].end());
        return sourced;
    }}};
    std::map<std::string, std::string> now;  // by the changes that were told

    std::string any_id() { return ids[random.below(ids.size())]; }
    conf::ServerAddress any_address() {
        if (random.one_in(2)) {
            return *conf::ServerAddress::parse(host_names[random.below(3)] + ":" +
                                               std::to_string(1 + random.below(3)));
        }
        return test::endpoint("192.0.2." + std::to_string(1 + random.below(9)) + ":80");
    }
    conf::Server any_server(const std::string& id) {
        return {.id = id,
                .address = any_address(),
                .weight = static_cast<std::uint32_t>(random.below(4))};
    }

    conf::Pool file() const {
        conf::Pool pool = test::pool("main", {});
        for (const auto& [id, server] : said.named[0]) pool.servers.push_back(server);
        pool.servers_from.srv.emplace();
        return pool;
    }

    void take(const ServerLayers::Changes& changes) {
        for (const auto& change : changes) {
            BOOST_TEST(now.contains(change.id) != change.is_new);
            now.erase(change.id);
            if (change.desired) now[change.id] = shown(change.desired);
        }
    }
    void take(const ServerLayers::ChangesByPool& all) {
        for (const auto& [pool, changes] : all) take(changes);
    }

    void reload() {
        said.named[0].clear();
        for (const std::string& id : ids) {
            if (random.one_in(2)) said.named[0][id] = any_server(id);
        }
        // The file ends registrations of what it names.
        for (auto& [id, over] : said.runtime) {
            if (said.named[0].contains(id)) over.registered.reset();
        }
        now.clear();
        for (const auto& [id, desired] : layers.set_file(file())) now[id] = shown(desired);
    }

    void change_named() {
        const auto source = random.one_in(2) ? ServerSource::dns : ServerSource::etcd;
        auto& named = said.named[static_cast<std::size_t>(source)];
        NamedChanges changes;
        for (const std::string& id : ids) {
            if (!random.one_in(3)) continue;
            named.erase(id);
            if (random.one_in(2)) named[id] = any_server(id);
            changes.emplace(id, named.contains(id) ? std::optional(named[id]) : std::nullopt);
        }
        auto taken = layers.change_named("main", source, std::move(changes));
        BOOST_TEST_REQUIRE(taken.has_value());
        take(*taken);
    }

    void change_hosts() {
        ServerLayers::HostChanges changes;
        const std::string host = host_names[random.below(3)];
        said.hosts.erase(host);
        if (random.one_in(3)) {
            changes.emplace(host, std::nullopt);
        } else {
            said.hosts[host] = "198.51.100." + std::to_string(1 + random.below(9));
            changes.emplace(host, test::endpoint(said.hosts[host] + ":9"));
        }
        take(layers.set_hosts(changes));
    }

    void change_fleet() {
        said.fleet.clear();
        proxy::Overrides words;
        for (const std::string& id : ids) {
            if (!random.one_in(4)) continue;
            said.fleet[id] = random.one_in(2) ? AdminState::drain : AdminState::offline;
            words["main"][id] = {.admin_state = said.fleet[id]};
        }
        take(layers.set_fleet(words));
    }

    void change_at_run_time() {
        const std::string id = any_id();
        const bool exists = said.of(id) != "-";
        proxy::ServerOverrides& over = said.runtime[id];
        const bool is_named =
            said.named[0].contains(id) || said.named[1].contains(id) || said.named[2].contains(id);
        switch (random.below(5)) {
            case 0: {
                const conf::ServerAddress address = any_address();
                const auto taken = layers.register_servers("main", {{id, address, 3}});
                BOOST_TEST(taken.has_value() == !exists);
                if (exists) return;
                over = {.registered = proxy::ServerOverrides::Registration{address, 3}};
                return take(*taken);
            }
            case 1: {
                const auto taken = layers.unregister_server("main", id);
                BOOST_TEST(taken.has_value() == exists);
                if (!exists) return;
                over = {.unregistered = is_named};
                return take(*taken);
            }
            case 2: {
                const auto taken = layers.set_admin_state("main", id, AdminState::online);
                BOOST_TEST(taken.has_value() == exists);
                if (!exists) return;
                over.admin_state = AdminState::online;
                return take(*taken);
            }
            case 3: {
                const auto taken = layers.set_weight("main", id, 7);
                BOOST_TEST(taken.has_value() == exists);
                if (!exists) return;
                (over.registered ? over.registered->weight : over.weight.emplace()) = 7;
                return take(*taken);
            }
            default: {
                const auto taken = layers.forget("main", id);
                BOOST_TEST(taken.has_value() == !over.is_nothing());
                over = {};
                if (taken) take(*taken);
            }
        }
    }

    void check() {
        for (const std::string& id : ids) {
            const auto found = now.find(id);
            BOOST_TEST_CONTEXT(id) {
                BOOST_TEST((found == now.end() ? "-" : found->second) == said.of(id));
            }
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(server_layers)

BOOST_FIXTURE_TEST_CASE(random_histories_of_all_layers_are_as_the_rules_say, Histories) {
    for (int round = 0; round < 20; ++round) {
        reload();
        for (int step = 0; step < 60; ++step) {
            switch (random.below(5)) {
                case 0:
                    change_named();
                    break;
                case 1:
                    change_hosts();
                    break;
                case 2:
                    change_fleet();
                    break;
                default:
                    change_at_run_time();
            }
            check();
        }
    }
}

BOOST_AUTO_TEST_CASE(servers_that_do_not_fit_the_ring_change_nothing_until_they_do) {
    ServerLayers layers;
    conf::Pool pool = test::pool("main", {test::server("a")});
    pool.hash.vnodes = 65'536;
    layers.set_file(pool);
    NamedChanges many;
    for (int i = 0; i < 300; ++i) {
        const std::string id = "s-" + std::to_string(i);
        many.emplace(id, test::server(id));
    }
    const auto refused = layers.change_named("main", ServerSource::etcd, many);
    BOOST_TEST(!refused.has_value());
    BOOST_TEST(layers.misfit("main", ServerSource::etcd).has_value());
    BOOST_TEST(layers.named("main", ServerSource::etcd).empty());
    BOOST_TEST(layers.check_exists("main", "a").has_value());
    while (many.size() > 3) many.erase(many.begin());
    BOOST_TEST(layers.change_named("main", ServerSource::etcd, many)->size() == 3U);
    BOOST_TEST(!layers.misfit("main", ServerSource::etcd).has_value());
}

BOOST_AUTO_TEST_CASE(a_flood_of_servers_keeps_no_proxy_from_starting) {
    NamedServers flood;
    for (int i = 0; i < 300; ++i) {
        const std::string id = "s-" + std::to_string(i);
        flood.emplace(id, test::server(id));
    }
    ServerLayers layers({.servers_of = [&](const conf::Pool&) {
        return ServerLayers::Sourced{.dns = flood, .etcd = {}};
    }});
    conf::Pool pool = test::pool("main", {test::server("a")});
    pool.hash.vnodes = 65'536;
    pool.servers_from.srv.emplace();
    BOOST_TEST(layers.check(test::config({pool})).has_value());
    BOOST_TEST(layers.set_file(pool).size() == 1U);
    BOOST_TEST(layers.misfit("main", ServerSource::dns).has_value());
    while (flood.size() > 2) flood.erase(flood.begin());
    BOOST_TEST(layers.set_file(pool).size() == 3U);
}

BOOST_AUTO_TEST_CASE(changes_are_between_what_differs_alone) {
    const NamedServers before{{"a", test::server("a")}, {"b", test::server("b")}};
    NamedServers after{{"b", test::server("b")}, {"c", test::server("c")}};
    const NamedChanges changes = proxy::changes_between(before, after);
    BOOST_TEST(changes.size() == 2U);
    BOOST_TEST(!changes.at("a").has_value());
    BOOST_TEST(changes.at("c").has_value());
    after.at("b").weight = 2;
    BOOST_TEST(proxy::changes_between(before, after).size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

// The model beside the real pools: reloads, restarts, words at run time and failed connections in
// random order. Time hardly passes, and no check can run, so that neither changes anything.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/control/pools.h"
#include "proxy/control/state_text.h"
#include "tests/proxy/pools_rig.h"
#include "tests/simulation/model.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace std::chrono_literals;
using health::Failure;
using proxy::AdminState;
using simulation::Model;
using simulation::ModelServer;

namespace {

const test::Strings ids{"a", "b", "c", "d", "e"};
const test::Strings pool_names{"main", "other"};

std::string shown(const Model::Servers& servers, bool panics) {
    std::ostringstream text;
    if (panics) text << "panics\n";
    for (const auto& [id, server] : servers) {
        text << id << ' ' << server.address.to_string() << " x" << server.weight << " <"
             << server.max_connections << ' ' << to_string(server.admin_state) << ' '
             << std::vector{"online", "offline",
                            "draining"}[static_cast<std::size_t>(server.status)]
             << ' ' << server.ramp << (server.runtime ? " runtime" : " file")
             << (server.up ? " up" : " down") << (server.awaits_check ? " awaits" : "") << '\n';
    }
    return text.str();
}

// What the ring that serves and the answers say.
std::string shown(const proxy::Pool& pool) {
    Model::Servers servers;
    const auto ring = pool.ring->snapshot();
    for (const auto& [id, server] : pool.servers) {
        const ring::Member& member = *ring->find(id);
        const auto condition = server.health.condition();
        const bool online = member.status == ring::Status::online;
        servers[id] = {.address = static_cast<const proxy::Server*>(member.context.get())->address,
                       .weight = member.weight,
                       .max_connections = member.max_connections,
                       .admin_state = server.desired.admin_state,
                       .status = static_cast<ModelServer::Status>(member.status),
                       .ramp = online ? member.ramp : ring::full_ramp,
                       .runtime = server.desired.source == proxy::ServerSource::runtime,
                       .up = condition.up,
                       .awaits_check = condition.awaits_check};
        BOOST_TEST(server.desired.weight == member.weight);
        BOOST_TEST((server.desired.address == servers[id].address));
    }
    BOOST_TEST(servers.size() == ring->members().size());
    return shown(servers, pool.panics);
}

class Both {
public:
    explicit Both(test::SeededRandom& random) : random_(random) { restart_pools({}); }
    ~Both() { pools_->stop(); }

    void step() {
        const std::string& pool = any(pool_names);
        const std::string& id = any(ids);
        const auto now = proxy::Clock::now();
        switch (random_.below(14)) {
            case 0:
                return same(model_.unregister_server(pool, id, now),
                            pools_->unregister_server(pool, id), "unregister " + pool + " " + id);
            case 1: {
                const auto weight = any_weight();
                return same(model_.set_weight(pool, id, weight, now),
                            pools_->set_weight(pool, id, weight),
                            "set " + pool + " " + id + " weight " + std::to_string(weight));
            }
            case 2: {
                const auto address = any_address();
                return same(model_.set_address(pool, id, address, now),
                            pools_->set_address(pool, id, address),
                            "set " + pool + " " + id + " address " + address.to_string());
            }
            case 3:
            case 4: {
                const auto state = static_cast<AdminState>(random_.below(4));
                return same(model_.set_admin_state(pool, id, state, now),
                            pools_->set_admin_state(pool, id, state),
                            std::string(to_string(state)) + " " + pool + " " + id);
            }
            case 5:
                return same(model_.forget(pool, id, now), pools_->forget(pool, id),
                            "forget " + pool + " " + id);
            case 6:
                return same(model_.clear(pool, id, now), pools_->clear(pool, id),
                            "clear " + pool + " " + id);
            case 7:
                return register_some(pool);
            case 8:
            case 9:
            case 10:
                return connections(pool, id);
            case 11:
                return restart();
            default:
                return reload();
        }
    }

    void compare() {
        turn();
        BOOST_REQUIRE((model_.overrides() == pools_->layers().overrides()));
        const auto all = model_.servers(proxy::Clock::now());
        BOOST_REQUIRE_EQUAL(all.size(), pools_->all().size());
        for (const auto& [name, servers] : all) {
            const std::string expected = shown(servers, model_.panics(name));
            const std::string found = shown(*pools_->find(name));
            BOOST_TEST(found == expected, name << " has\n"
                                               << found << "the model\n"
                                               << expected << "after" << history_);
            BOOST_REQUIRE(found == expected);
        }
    }

private:
    template <class One>
    const One& any(const std::vector<One>& all) {
        return all[random_.below(all.size())];
    }
    conf::Endpoint any_address() {
        return test::endpoint("192.0.2." + std::to_string(random_.between(1, 6)) + ":80");
    }
    std::uint32_t any_weight() {
        if (random_.one_in(20)) return static_cast<std::uint32_t>(random_.between(999, 1'001));
        return static_cast<std::uint32_t>(random_.one_in(8) ? 0 : random_.between(1, 3));
    }

    conf::Server any_server(const std::string& id) {
        conf::Server server = test::server(id, any_address().to_string(),
                                           std::min(any_weight(), std::uint32_t{1'000}));
        server.max_connections = static_cast<std::uint32_t>(random_.below(3));
        if (random_.one_in(3)) check_elsewhere(server);
        return server;
    }
    // At another port, or another machine.
    void check_elsewhere(conf::Server& server) {
        server.check_address =
            random_.one_in(2) ? server.address.endpoint : test::endpoint("192.0.2.99:80");
        server.check_address->port = 81;
    }

    void change(conf::Pool& pool) {
        switch (random_.below(8)) {
            case 0:
                pool.panic = static_cast<double>(random_.below(101)) / 100;
                break;
            case 1:
                pool.slow_start = any(std::vector<conf::Duration>{0h, 20h, 24h});
                break;
            case 2:
                if (pool.health || random_.one_in(3)) {
                    pool.health.reset();
                } else {
                    pool.health.emplace();
                }
                break;
            case 3:
                if (!pool.health) pool.health.emplace();
                pool.health->initial = static_cast<conf::HealthSettings::Initial>(random_.below(2));
                break;
            case 4:
                if (pool.passive && random_.one_in(3)) {
                    pool.passive.reset();
                } else {
                    pool.passive = {.failures = static_cast<std::uint32_t>(random_.between(1, 3)),
                                    .within = 24h,
                                    .early_resets = !random_.one_in(3),
                                    .retry = 24h,
                                    .retry_max = 24h};
                }
                break;
            default:
                change_servers(pool);
        }
    }

    void change_servers(conf::Pool& pool) {
        if (random_.one_in(10)) pool.servers.clear();
        const std::string& id = any(ids);
        const auto is_it = [&](const conf::Server& server) { return server.id == id; };
        const auto found = std::find_if(pool.servers.begin(), pool.servers.end(), is_it);
        if (found == pool.servers.end()) {
            pool.servers.push_back(any_server(id));
        } else if (random_.one_in(3)) {
            pool.servers.erase(found);
        } else if (random_.one_in(2)) {
            *found = any_server(id);
        } else {  // it may be renamed
            const std::string& next = any(ids);
            if (std::none_of(pool.servers.begin(), pool.servers.end(),
                             [&](const conf::Server& server) { return server.id == next; })) {
                found->id = next;
            }
        }
    }

    void reload() {
        conf::Config next = file_;
        for (const std::string& name : pool_names) {
            const auto found =
                std::find_if(next.pools.begin(), next.pools.end(),
                             [&](const conf::Pool& pool) { return pool.name == name; });
            if (found == next.pools.end()) {
                if (random_.one_in(2)) continue;
                conf::Pool made = test::pool(name, {});
                // Of no machine (RFC 5737): no check can run, and none changes anything.
                made.connect.source_v4 = test::endpoint("192.0.2.77:1");
                next.pools.push_back(made);
                for (std::size_t i = random_.below(4); i > 0; --i) change(next.pools.back());
            } else if (random_.one_in(15)) {
                next.pools.erase(found);
            } else {
                for (std::size_t i = random_.below(3); i > 0; --i) change(*found);
            }
        }
        history_ += "\nreload";
        for (const conf::Pool& pool : next.pools) history_ += told(pool);
        conf::Config dense = next;
        for (conf::Pool& pool : dense.pools) {  // as many points as the file alone may have
            std::uint64_t weights = 256;
            for (const conf::Server& server : pool.servers) weights += server.weight;
            pool.hash.vnodes = static_cast<std::uint32_t>(ring::Limits::points / weights);
        }
        BOOST_REQUIRE_EQUAL(model_.fits(dense), pools_->layers().check(dense).has_value());
        file_ = std::move(next);
        pools_->apply(file_);
        pools_->drop_others(file_);
        model_.reload(file_, proxy::Clock::now());
    }

    static std::string told(const conf::Pool& pool) {
        std::ostringstream text;
        text << "\n  " << pool.name << " panic " << pool.panic << " slow_start "
             << pool.slow_start.count();
        if (pool.health) {
            const bool up = pool.health->initial == conf::HealthSettings::Initial::up;
            text << " health " << (up ? "up" : "down");
        }
        if (pool.passive) {
            text << " passive " << pool.passive->failures
                 << (pool.passive->early_resets ? "" : " no resets");
        }
        for (const conf::Server& server : pool.servers) {
            text << ", " << server.id << ' ' << server.address.to_string() << " x" << server.weight;
            if (server.check_address) text << " checked " << server.check_address->to_string();
        }
        return text.str();
    }

    void restart_pools(proxy::Overrides overrides) {
        if (pools_) pools_->stop();
        turn();
        pools_.emplace(io_, 1, events_, builder_, proxy::Pools::Connections{});
        pools_->set_overrides(std::move(overrides));
    }

    void restart() {
        if (!random_.one_in(4)) return reload();
        history_ += "\nrestart";
        restart_pools(proxy::parse_state(proxy::state_text(pools_->layers().overrides())).value());
        pools_->apply(file_);
        model_.restart(file_, proxy::Clock::now());
    }

    void register_some(const std::string& pool) {
        std::vector<Model::Registration> model;
        std::vector<proxy::Pools::Registration> real;
        std::string words = "register " + pool;
        for (std::size_t i = random_.between(1, 2); i > 0; --i) {
            const std::string id = random_.one_in(30) ? "a\nb" : any(ids);
            model.push_back({id, any_address(), any_weight()});
            real.push_back({id, model.back().address, model.back().weight});
            words += " " + id + " " + model.back().address.to_string() + " x" +
                     std::to_string(model.back().weight);
        }
        same(model_.register_servers(pool, model, proxy::Clock::now()),
             pools_->register_servers(pool, real), words);
    }

    // As workers count and report them, by the ring's context.
    void connections(const std::string& name, const std::string& id) {
        const proxy::Pool* pool = pools_->find(name);
        if (!pool || !pool->find(id)) return;
        const auto ring = pool->ring->snapshot();
        const auto& server = *static_cast<const proxy::Server*>(ring->find(id)->context.get());
        if (random_.one_in(4)) {
            const bool bytes = random_.one_in(2);
            (*server.counts)[0].total.add(1);
            if (bytes) (*server.counts)[0].bytes_down.add(1);
            model_.connection_served(name, id, bytes);
            history_ += "\nserved " + name + " " + id + (bytes ? " bytes" : "");
            return;
        }
        const auto kind = random_.one_in(2) ? Failure::connect : Failure::early_reset;
        const auto count = static_cast<std::uint32_t>(random_.between(1, 2));
        history_ +=
            "\nfailed " + name + " " + id + " " + to_string(kind) + " " + std::to_string(count);
        for (std::uint32_t i = 0; server.failure_reports && i < count; ++i)
            server.failure_reports->report(kind);
        model_.connections_failed(name, id, kind, count, proxy::Clock::now());
    }

    void same(bool accepted, const Result<void>& result, const std::string& words) {
        history_ += "\n" + words;
        BOOST_REQUIRE_MESSAGE(
            accepted == result.has_value(),
            words << ": " << (result ? "accepted" : result.error().text) << " after" << history_);
    }

    void turn() {
        io_.restart();
        io_.poll();
    }

    test::SeededRandom& random_;
    boost::asio::io_context io_;
    proxy::Events events_;
    proxy::Inline builder_;
    std::optional<proxy::Pools> pools_;
    Model model_;
    conf::Config file_;
    std::string history_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(model_and_pools)

BOOST_AUTO_TEST_CASE(random_histories_without_time_and_checks_end_in_what_the_model_says) {
    test::SeededRandom random;
    for (int history = 0; history < 200; ++history) {
        Both both(random);
        for (int step = 0; step < 60; ++step) {
            both.step();
            both.compare();
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

// Overrides, reloads and restarts in random order: the servers are those of the rules in
// overrides.h.
#include "proxy/control/overrides.h"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/control/state_text.h"
#include "tests/proxy/pools_rig.h"
#include "tests/support/random.h"

using namespace ringway;
using Connections = proxy::Pools::Connections;
using proxy::AdminState;
using proxy::ServerOverrides;
using test::Strings;

namespace {

// One server of one pool, in the terms of the rules; the model does not merge layers.
struct Slot {
    std::optional<int> in_file;  // its weight there
    std::optional<int> registered;
    bool away = false;  // unregistered while the file named it
    std::string admin_state = "auto";
    std::optional<int> weight;  // set, in place of the file's

    bool is_there() const { return (in_file && !away) || registered; }
    std::string shown(const std::string& id) const {
        const int of_either = registered ? *registered : weight.value_or(in_file.value_or(0));
        return id + " x" + std::to_string(of_either) + (registered ? " runtime " : " file ") +
               admin_state;
    }
};

class Model {
public:
    void read(const std::map<std::string, int>& file) {
        for (auto& [id, slot] : slots_) {
            const auto named = file.find(id);
            slot.in_file = named == file.end() ? std::nullopt : std::optional(named->second);
            if (slot.in_file) slot.registered.reset();
            if (!slot.in_file) slot.away = false;
            if (!slot.is_there()) slot = {.in_file = slot.in_file, .away = slot.away};
        }
    }
    bool add(const std::string& id, int weight) {
        Slot& slot = slots_[id];
        if (slot.is_there()) return false;
        slot.registered = weight;
        slot.away = false;
        return true;
    }
    bool remove(const std::string& id) {
        Slot& slot = slots_[id];
        if (!slot.is_there()) return false;
        slot = {.in_file = slot.in_file, .away = slot.in_file.has_value()};
        return true;
    }
    bool say(const std::string& id, const std::string& word) {
        if (!slots_[id].is_there()) return false;
        slots_[id].admin_state = word;
        return true;
    }
    bool set(const std::string& id, int weight) {
        Slot& slot = slots_[id];
        if (!slot.is_there()) return false;
        (slot.registered ? slot.registered : slot.weight) = weight;
        return true;
    }
    bool forget(const std::string& id) {
        Slot& slot = slots_[id];
        if (!slot.registered && !slot.away && slot.admin_state == "auto" && !slot.weight)
            return false;
        slot = {.in_file = slot.in_file};
        return true;
    }
    Strings servers() const {
        Strings all;
        for (const auto& [id, slot] : slots_) {
            if (slot.is_there()) all.push_back(slot.shown(id));
        }
        return all;
    }
    void meet(const std::string& id) { slots_[id]; }

private:
    std::map<std::string, Slot> slots_;
};

Strings servers_of(const proxy::Pools& pools) {
    Strings all;
    const proxy::Pool* pool = pools.find("main");
    if (pool == nullptr) return all;
    for (const auto& [id, server] : pool->servers) {
        const bool file = server.desired.source == proxy::ServerSource::file;
        all.push_back(id + " x" + std::to_string(server.desired.weight) +
                      (file ? " file " : " runtime ") + to_string(server.desired.admin_state));
    }
    return all;
}

conf::Config file_of(const std::map<std::string, int>& servers) {
    std::vector<conf::Server> all;
    for (const auto& [id, weight] : servers) {
        all.push_back(test::server(id, "192.0.2.1:80", static_cast<std::uint32_t>(weight)));
    }
    return test::config({test::pool("main", std::move(all))});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(overrides)

BOOST_AUTO_TEST_CASE(random_sequences_leave_the_servers_that_the_rules_name) {
    test::SeededRandom random;
    const Strings ids{"a", "b", "c", "d"};
    const std::vector<AdminState> words{AdminState::automatic, AdminState::online,
                                        AdminState::offline, AdminState::drain};
    for (int sequence = 0; sequence < 60; ++sequence) {
        boost::asio::io_context io;
        proxy::Events events;
        proxy::Inline builder;
        std::optional<proxy::Pools> pools(std::in_place, io, 1, events, builder, Connections{});
        Model model;
        for (const std::string& id : ids) model.meet(id);
        std::map<std::string, int> file;
        bool has_pool = true;
        const auto read = [&] {
            const auto next = has_pool ? file_of(file) : test::config({});
            pools->apply(next);
            pools->drop_others(next);
            if (has_pool) model.read(file);
        };
        read();
        for (int step = 0; step < 60; ++step) {
            const std::string& id = ids[random.below(ids.size())];
            const int weight = static_cast<int>(random.between(1, 9));
            const AdminState word = words[random.below(words.size())];
            const auto address = test::endpoint("192.0.2.7:7");
            switch (random.below(9)) {
                case 0:
                    if (has_pool) {
                        const bool done = pools
                                              ->register_server("main", id, address,
                                                                static_cast<std::uint32_t>(weight))
                                              .has_value();
                        BOOST_REQUIRE(done == model.add(id, weight));
                    }
                    break;
                case 1:
                    if (has_pool) {
                        BOOST_REQUIRE(pools->unregister_server("main", id).has_value() ==
                                      model.remove(id));
                    }
                    break;
                case 2:
                    if (has_pool) {
                        BOOST_REQUIRE(pools->set_admin_state("main", id, word).has_value() ==
                                      model.say(id, to_string(word)));
                    }
                    break;
                case 3:
                    BOOST_REQUIRE(pools->forget("main", id).has_value() == model.forget(id));
                    break;
                case 4:
                    if (!file.erase(id)) file[id] = weight;
                    read();
                    break;
                case 5:
                    has_pool = !random.one_in(3);
                    read();
                    break;
                case 6:
                    if (has_pool) {
                        const bool done =
                            pools->set_weight("main", id, static_cast<std::uint32_t>(weight))
                                .has_value();
                        BOOST_REQUIRE(done == model.set(id, weight));
                    }
                    break;
                case 7: {  // a restart, with nothing but what the state file holds
                    auto kept = proxy::parse_state(proxy::state_text(pools->layers().overrides()));
                    BOOST_REQUIRE((kept.value() == pools->layers().overrides()));
                    pools.emplace(io, 1, events, builder, Connections{});
                    pools->set_overrides(std::move(*kept));
                    read();
                    break;
                }
                default:
                    read();
            }
            const Strings expected = has_pool ? model.servers() : Strings{};
            BOOST_TEST(servers_of(*pools) == expected, boost::test_tools::per_element());
            BOOST_REQUIRE(servers_of(*pools) == expected);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

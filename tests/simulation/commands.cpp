// Words of the admin socket, told to control and to the model alike.
#include <array>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "proxy/text/admin_line.h"
#include "tests/simulation/questions.h"
#include "tests/simulation/simulation.h"

namespace ringway::simulation {

namespace {

using health::AdminState;
using proxy::quote_word;

std::string any_address(Random& random) {
    return fmt::format("192.0.2.{}:80", 1 + random.below(12));
}

// A ring of many thousand points would take longer to build than all else of an event.
bool has_many_points(const conf::Pool& pool) {
    return pool.hash.algorithm == conf::HashSettings::Algorithm::ring && pool.hash.vnodes > 4;
}

}  // namespace

// A line that changes servers, and whether it is to be accepted.
std::pair<std::string, bool> Simulation::change(Random& random) {
    const std::string pool = random.one_in(20) ? "nobody" : any_pool(random);
    const bool is_there = control_->pools().find(pool) != nullptr;
    const std::string id = is_there ? any_server(pool, random) : "s1";
    const std::string names = quote_word(pool) + ' ' + quote_word(id);
    const TimePoint now = world_.now();
    switch (random.below(10)) {
        case 0:
        case 1:
            return registration(random, pool);
        case 2:
            return {"unregister " + names, model_.unregister_server(pool, id, now)};
        case 3: {
            constexpr std::array<std::uint32_t, 6> weights{0, 1, 2, 3, 1'000, 1'001};
            std::uint32_t weight = random.any(weights);
            if (weight == 1'000 && is_there &&
                has_many_points(control_->pools().find(pool)->settings))
                weight = 4;
            return {fmt::format("set {} weight {}", names, weight),
                    model_.set_weight(pool, id, weight, now)};
        }
        case 4: {
            const std::string address = any_address(random);
            return {fmt::format("set {} address {}", names, address),
                    model_.set_address(pool, id, *conf::Endpoint::parse(address), now)};
        }
        case 5:
            return {"forget " + names, model_.forget(pool, id, now)};
        case 6:
            return {"clear " + names, model_.clear(pool, id, now)};
        default: {
            constexpr std::array states{
                std::pair{"auto", AdminState::automatic}, std::pair{"auto", AdminState::automatic},
                std::pair{"drain", AdminState::drain}, std::pair{"offline", AdminState::offline},
                std::pair{"online", AdminState::online}};
            const auto& [word, state] = random.any(states);
            return {fmt::format("{} {}", word, names),
                    model_.set_admin_state(pool, id, state, now)};
        }
    }
}

std::pair<std::string, bool> Simulation::registration(Random& random, const std::string& pool) {
    std::vector<Model::Registration> servers;
    std::string line = "register " + quote_word(pool);
    do {
        const std::string id = fmt::format("r{}", random.below(6));
        const std::string address = any_address(random);
        const auto weight = static_cast<std::uint32_t>(random.below(4));
        line += fmt::format(" {} {} --weight {}", id, address, weight);
        servers.push_back({id, *conf::Endpoint::parse(address), weight});
    } while (random.one_in(3));
    const auto* const known = control_->pools().find(pool);
    const bool ring_is_busy = known != nullptr && !known->ring->is_current();
    return {line, model_.register_servers(pool, servers, world_.now(), ring_is_busy)};
}

void Simulation::command(Random& random) {
    if (random.one_in(12)) return set_log_level(random);
    const auto [line, is_accepted] = change(random);
    trace("  " + line);
    asked_.push_back(ask(line));
    asked_.back()->is_accepted = is_accepted;
    turn();
    check_answers();
}

void Simulation::set_log_level(Random& random) {
    asked_.push_back(ask(random.one_in(2) ? "log level debug for 5s" : "log level info"));
    turn();
    check_answers();
}

// Each answer is what the model says, once it is there.
void Simulation::check_answers() {
    std::erase_if(asked_, [&](const auto& asked) {
        if (!asked->done) return false;
        const auto answer = boost::json::parse(asked->answer).as_object();
        const bool is_accepted = answer.at("ok").as_bool();
        expect(asked->is_accepted.value_or(is_accepted) == is_accepted, "answer", [&] {
            return fmt::format("{}: {}, and the model says {}", asked->line, asked->answer,
                               *asked->is_accepted ? "yes" : "no");
        });
        if (is_accepted) check_answer_of(*asked, answer);
        if (!is_accepted) check_refusal(answer);
        return true;
    });
}

void Simulation::check_answer_of(const Asked& asked, const boost::json::object& answer) {
    const auto words = *proxy::split_admin_line(asked.line);
    if (asked.asks) check_answer(words[0], answer);
    if (words[0] != "log" || asked.asks) return;
    check_answer("log", answer);
    expect(answer.at("level").as_string() == words[2], "log level", [&] { return asked.answer; });
    log_level_ = LogLevel{words[2], {}};
    if (words.size() > 3) log_level_->until = asked.done_at + std::chrono::seconds(5);
}

}  // namespace ringway::simulation

// What is asked by the admin socket and the HTTP endpoint, and lines that are refused.
#include <array>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "proxy/admin/http_answers.h"
#include "proxy/data/dialing.h"
#include "proxy/text/admin_line.h"
#include "tests/simulation/questions.h"
#include "tests/simulation/simulation.h"

namespace ringway::simulation {

namespace {

using proxy::quote_word;

std::string percent_encoded(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) text += fmt::format("%{:02x}", static_cast<unsigned char>(byte));
    return text;
}

// Lines that nothing may come of; POOL and ID are put in.
constexpr std::array<std::string_view, 28> mistakes{"",
                                                    "  ",
                                                    "\"",
                                                    "servers \\",
                                                    "nosuch",
                                                    "status now",
                                                    "servers POOL ID",
                                                    "servers nobody",
                                                    "server POOL",
                                                    "server nobody ID",
                                                    "explain nobody key",
                                                    "ring nobody",
                                                    "events 0",
                                                    "events some",
                                                    "set POOL ID weight x",
                                                    "set POOL ID colour 1",
                                                    "set POOL ID address nowhere",
                                                    "register POOL r0",
                                                    "register POOL r9 nowhere",
                                                    "register POOL r9 192.0.2.1:80 --weight",
                                                    "register POOL r9 192.0.2.1:80 r9 192.0.2.2:80",
                                                    "register POOL r9 192.0.2.1:80 r8",
                                                    "drain POOL",
                                                    "log level loud",
                                                    "log level debug for 25h",
                                                    "log colour",
                                                    "reload --max-moved",
                                                    "plan"};

void replace(std::string& line, std::string_view word, const std::string& by) {
    const auto at = line.find(word);
    if (at != std::string::npos) line.replace(at, word.size(), by);
}

}  // namespace

// At any moment, by somebody who may have a name wrong. Where rings are held it is answered later.
void Simulation::question(Random& random) {
    if (random.one_in(4)) return mistake(random);
    const std::string pool = random.one_in(8) ? "nobody" : any_pool(random);
    const auto* const found = control_->pools().find(pool);
    const std::string id = found == nullptr ? "s1" : any_server(pool, random);
    const std::string of_pool = ' ' + quote_word(pool);
    const std::array lines{std::string("status"),
                           std::string("servers"),
                           std::string("overrides"),
                           std::string("certificates"),
                           std::string("fleet"),
                           std::string("log level"),
                           fmt::format("events {}", 1 + random.below(300)),
                           "servers" + of_pool,
                           "ring" + of_pool,
                           fmt::format("explain{} key-{}", of_pool, random.below(1'000)),
                           "server" + of_pool + ' ' + quote_word(id)};
    const std::size_t which = random.below(lines.size());
    const bool is_known = which < 7 || found != nullptr;
    const bool is_known_server = found != nullptr && found->find(id) != nullptr;
    const bool is_accepted = which == lines.size() - 1 ? is_known_server : is_known;
    trace("  " + lines[which]);
    asked_.push_back(ask(lines[which]));
    asked_.back()->asks = true;
    // What it names may come or leave before it is answered.
    asked_.back()->is_accepted = is_quiet() ? std::optional(is_accepted) : std::nullopt;
    turn();
    check_answers();
}

void Simulation::mistake(Random& random) {
    const std::string pool = any_pool(random);
    std::string line(random.any(mistakes));
    replace(line, "POOL", quote_word(pool));
    replace(line, "ID", quote_word(any_server(pool, random)));
    trace("  " + line);
    asked_.push_back(ask(line));
    asked_.back()->is_accepted = false;
    turn();
    check_answers();
}

// A page of the HTTP endpoint, which is answered at once.
void Simulation::page(Random& random) {
    const std::string pool = random.one_in(8) ? "nobody" : any_pool(random);
    const auto* const found = control_->pools().find(pool);
    const std::string id = found == nullptr ? "s1" : any_server(pool, random);
    const std::string of_pool = "/v1/pools/" + percent_encoded(pool);
    const bool has_server = found != nullptr && found->find(id) != nullptr;
    struct Page {
        std::string target;
        std::string_view command;  // that is answered alike
        unsigned status = 200;
    };
    const unsigned of_found = found == nullptr ? 404 : 200;
    const unsigned ready = control_->why_not_ready() ? 503 : 200;
    const std::array pages{
        Page{"/v1/status", "status"},
        Page{"/v1/events?n=5", "events"},
        Page{"/v1/certificates", "certificates"},
        Page{"/v1/fleet", "fleet"},
        Page{"/v1/events?n=0", "", 400},
        Page{of_pool + "/servers", "servers", of_found},
        Page{of_pool + "/servers/" + percent_encoded(id), "server", has_server ? 200U : 404U},
        Page{of_pool + "/explain?key=%00", "explain", of_found},
        Page{of_pool + "/explain", "", 400},
        Page{of_pool + "/ring", "ring", of_found},
        Page{of_pool + "/nosuch", "", 404},
        Page{"/healthz", ""},
        Page{"/readyz", "", ready}};
    const Page& asked = random.any(pages);
    trace("  " + asked.target);
    const proxy::HttpAnswer answer = proxy::answer_http(*control_, asked.target);
    expect(answer.status == asked.status, "page", [&] {
        return fmt::format("{} is answered by {}: {}", asked.target, answer.status, answer.body);
    });
    const auto body = boost::json::parse(answer.body).as_object();
    expect(body.at("ok").as_bool() == (answer.status == 200), "page", [&] { return answer.body; });
    if (answer.status == 200) check_answer(asked.command, body);
}

// Dials of a pool that fail on this machine, as workers count them.
void Simulation::fail_to_dial(Random& random) {
    constexpr std::array errors{EADDRNOTAVAIL, EAGAIN, EMFILE, ENOMEM, ECONNREFUSED};
    const int error = random.any(errors);
    const std::string pool = any_pool(random);
    const std::string id = any_server(pool, random);
    const auto& found = *control_->pools().find(pool);
    const auto* const server = found.find(id);
    if (server == nullptr) return;
    const std::size_t worker = random.below(control_->worker_count());
    proxy::count_failed_dial((*server->counts)[worker], (*found.ledger->counts)[worker], error);
    if (error != ECONNREFUSED) local_signs_[pool] = {world_.now()};
}

}  // namespace ringway::simulation

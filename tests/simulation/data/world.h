// What a history is about: the kernel, the clients and servers, and what operators have asked for.
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/data/case.h"
#include "tests/simulation/data/kernel.h"
#include "tests/simulation/data/listener.h"
#include "tests/simulation/data/script.h"
#include "tests/simulation/data/settings.h"

namespace ringway::simulation::data {

// Connections of a server that are to end.
struct Order {
    std::uint64_t server;
    TimePoint given_at;
    TimePoint due;
    std::vector<const Case*> of;  // those that it means
    bool is_cancelled = false;
};

struct World {
    explicit World(const History& history);

    const History& history;
    Kernel kernel;
    RandomSource random;  // of settings and openings
    Settings settings;
    std::map<unsigned, Case> cases;
    std::vector<ServerMode> modes;
    std::vector<Order> orders;
    Listener* listener = nullptr;
    bool is_stopped = false;
    bool is_drained = false;
    std::uint64_t logged = 0;
    std::uint64_t accepted = 0;

    // Where what happens is printed, if anywhere.
    std::function<void(const std::string&)> tell;

    // The client connects; without effect when nobody listens.
    void open(unsigned number);
    // What a client or its server does.
    void act(const Event& event);
    // The server that was dialled answers as its mode is.
    void answer(Link& link, std::uint16_t port);
    void connected(Link& link);
    // Whose handler stands where, in the set of the worker's sockets.
    Case* case_of(const Link& link);
    Case* case_of_port(std::uint16_t port);
    void violate(const char* law, const Case& of, const std::string& what);
};

}  // namespace ringway::simulation::data

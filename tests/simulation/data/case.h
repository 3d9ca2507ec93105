// One client of a history: what it is to send, what its server is, and what became of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/data/close_reason.h"
#include "tests/simulation/data/link.h"
#include "tests/simulation/data/script.h"
#include "tests/simulation/data/settings.h"
#include "tests/simulation/data/text.h"

namespace ringway::simulation::data {

struct Case {
    unsigned number = 0;
    Opening opening;
    Text client_text;
    Text server_text;
    std::string header;          // what the server gets before the client's bytes
    std::vector<Event> waiting;  // what its server is to do once it is connected

    Link* client = nullptr;
    Link* server = nullptr;  // the one that was dialled last
    std::vector<Link*> dials;

    bool accepted = false;
    bool is_over = false;
    bool was_relayed = false;  // as it was logged
    proxy::CloseReason end = proxy::CloseReason::none;
    TimePoint accepted_at{};
    TimePoint ended_at{};
    // When bytes were last given to a peer, or an end: the beginning of that round, and the moment.
    TimePoint moved_from{};
    TimePoint moved_at{};
    TimePoint opened_at{};  // the opening was complete here

    // Reset in the queue of a socket that was closed.
    bool is_refused() const { return !accepted && client->was_closed; }
    bool is_live() const { return accepted && !is_over; }
    // By events: the worker has been told that the server has answered.
    bool is_relayed() const {
        return server != nullptr && server->told_writable && !server->was_closed;
    }

    // What the reading side is to get of the bytes that the proxy has read.
    std::uint64_t due_to_server() const {
        const std::uint64_t own = opening.header_bytes;
        return header.size() + (client->consumed > own ? client->consumed - own : 0);
    }
    std::uint64_t due_to_client() const { return server != nullptr ? server->consumed : 0; }
};

}  // namespace ringway::simulation::data

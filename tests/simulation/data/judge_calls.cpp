// What the proxy does, call by call: bytes, ends and dials.
#include <algorithm>

#include <fmt/format.h>

#include "proxy/base/access_log.h"
#include "tests/simulation/data/judge.h"

namespace ringway::simulation::data {

void Judge::accepted(Link& link) {
    ++world_.accepted;
    link.owner->accepted = true;
    link.owner->accepted_at = world_.kernel.now();
    if (world_.tell) world_.tell(fmt::format("connection {} is accepted", link.owner->number));
}

void Judge::dials(Link& link, std::uint16_t port, TimePoint /*since*/) {
    loose_dials_.push_back(&link);
    world_.answer(link, port);
}

// A dial that fails at once is never watched: it belongs to whoever goes on from there.
void Judge::take_dials(Case& of) {
    of.dials.insert(of.dials.end(), loose_dials_.begin(), loose_dials_.end());
    loose_dials_.clear();
}

void Judge::watched(Link& link) {
    if (link.owner != nullptr) return;
    Case* const of = world_.case_of(link);
    if (of == nullptr) return world_.kernel.violate("sides", "a dial belongs to no client");
    link.owner = of;
    link.set_text(of->server_text);
    of->server = &link;
    take_dials(*of);
    if (world_.tell) {
        world_.tell(fmt::format("connection {} dials server {}", of->number, link.server));
    }
    if (link.state == Link::State::open) world_.connected(link);
}

// Nothing is sent that the other peer has not sent.
void Judge::check_is_due(const Link& link, std::size_t size) {
    const Case& of = *link.owner;
    const std::uint64_t due = link.is_client ? of.due_to_client() : of.due_to_server();
    if (link.queued + size > due) {
        world_.violate("prefix", of,
                       fmt::format("{} bytes are sent, {} are due", link.queued + size, due));
    }
}

void Judge::sends(const Link& link, const char* bytes, std::size_t size) {
    const Case& of = *link.owner;
    check_is_due(link, size);
    std::uint64_t at = link.queued;
    if (!link.is_client) {
        const std::size_t left = of.header.size() - std::min<std::size_t>(at, of.header.size());
        const std::size_t some = std::min(left, size);
        const bool same =
            of.header.compare(static_cast<std::size_t>(at) * (some > 0), some, bytes, some) == 0;
        if (!same) world_.violate("header", of, std::string(bytes, some));
        bytes += some;
        size -= some;
        at += some;
        at = at - of.header.size() + of.opening.header_bytes;
    }
    const Text& text = link.is_client ? of.server_text : of.client_text;
    if (!text.matches(at, bytes, size)) {
        world_.violate("bytes", of,
                       fmt::format("{} bytes from {} on are not those that were sent", size, at));
    }
}

void Judge::sends(const Link& link, const Pipe::Piece& piece, std::size_t size) {
    const Case& of = *link.owner;
    check_is_due(link, size);
    const Link* const source = link.is_client ? of.server : of.client;
    const std::uint64_t at =
        link.is_client ? piece.at : piece.at + of.header.size() - of.opening.header_bytes;
    if (piece.source != source || at != link.queued) {
        world_.violate("bytes", of,
                       fmt::format("piped bytes from {} on come at {}", at, link.queued));
    }
}

// As a complete stream: then it is one.
void Judge::ends(const Link& link) {
    if (link.owner == nullptr) return;
    const Case& of = *link.owner;
    if (!link.is_client && !link.told_writable) return;  // a dial that is given up
    const Link* const source = link.is_client ? of.server : of.client;
    const std::uint64_t due = link.is_client ? of.due_to_client() : of.due_to_server();
    if (source == nullptr || !source->end_arrived || source->unread() > 0 || link.queued != due) {
        world_.violate("clean end", of,
                       fmt::format("the {} sees an end after {} of {} bytes",
                                   link.is_client ? "client" : "server", link.queued, due));
    }
}

void Judge::moved(const Link& link) {
    Case& of = *link.owner;
    of.moved_at = world_.kernel.now();
    // The second end moves nothing.
    const bool is_second = link.shut && of.client->shut && of.server->shut;
    if (!is_second) of.moved_from = world_.kernel.round_began();
}

void Judge::connected(Link& link) {
    world_.connected(link);
}

void Judge::closes(Link& link) {
    if (link.owner == nullptr) return;
    const Case& of = *link.owner;
    if (link.is_client) {
        if (of.accepted && !of.is_over) world_.violate("log", of, "is closed before it is logged");
        return;
    }
    const bool is_given_up = !of.is_over && link.state != Link::State::over && !link.told_broken;
    if (!is_given_up || of.client->told_broken || lacked_lately()) return;
    const auto& connect = world_.settings.connect;
    const TimePoint now = world_.kernel.now();
    const TimePoint first = of.dials.front()->made_at;
    const bool in_time = now >= link.made_at + connect.timeout ||
                         (connect.budget.count() > 0 && now >= first + connect.budget);
    // Its server leaves, of which the worker hears later.
    const bool is_left = std::ranges::any_of(
        world_.orders, [&](const Order& order) { return order.server == link.server; });
    if (!in_time && !is_left) world_.violate("connect timeout", of, "a dial is given up early");
}

void Judge::logged(const proxy::AccessEntry& entry) {
    Case* const found = world_.case_of_port(entry.client.port);
    if (found == nullptr) return world_.kernel.violate("log", "a line of no client");
    Case& of = *found;
    if (of.is_over) return world_.violate("log", of, "is logged twice");
    of.is_over = true;
    take_dials(of);
    ++world_.logged;
    of.ended_at = world_.kernel.now();
    for (std::size_t i = 0; i < proxy::close_reason_count; ++i) {
        const auto each = static_cast<proxy::CloseReason>(i);
        if (entry.end == proxy::to_string(each)) of.end = each;
    }
    const std::uint64_t up = of.server != nullptr ? of.server->queued : 0;
    if (entry.bytes_up != up || entry.bytes_down != of.client->queued) {
        world_.violate("bytes counted", of,
                       fmt::format("{} up and {} down are logged, {} and {} were sent",
                                   entry.bytes_up, entry.bytes_down, up, of.client->queued));
    }
    if (entry.open_ms > 0 && !of.is_relayed()) {
        world_.violate("relayed", of, "is logged with a server that has not answered");
    }
    of.was_relayed = entry.open_ms > 0;
    if (world_.kernel.refused_at == TimePoint{} && entry.attempts != of.dials.size()) {
        world_.violate("attempts", of,
                       fmt::format("{} dials, {} logged", of.dials.size(), entry.attempts));
    }
    if (world_.tell) {
        world_.tell(fmt::format("connection {} ends: {}, {} bytes up, {} down", of.number,
                                entry.end, entry.bytes_up, entry.bytes_down));
    }
    check_reason(of);
}

}  // namespace ringway::simulation::data

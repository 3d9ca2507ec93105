// What each event of a history does.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "tests/simulation/simulation.h"

namespace ringway::simulation {

namespace {

using Kind = Event::Kind;
using std::chrono::milliseconds;

// Mostly short, sometimes so long that everything that can end has ended.
Duration any_time(Random& random) {
    if (random.one_in(40)) return std::chrono::hours(1);
    if (random.one_in(6)) return milliseconds(1'000 + random.below(20'000));
    return milliseconds(1 + random.below(400));
}

}  // namespace

void Simulation::apply(const Event& event) {
    Random random(event.number);
    switch (event.kind) {
        case Kind::advance:
            return pass_time(any_time(random));
        case Kind::edit:
            return edit(random);
        case Kind::spoil:
            is_valid_ = false;
            write_file(configs_.broken());
            return reload(random);
        case Kind::reread:
            return reload(random);
        case Kind::plan:
            return plan(random);
        case Kind::command:
            return command(random);
        case Kind::peer:
            return change_peer(random);
        case Kind::open:
            return open(random);
        case Kind::close:
            return close(random);
        case Kind::fail:
            return fail(random);
        case Kind::hold:
            holds_ = true;
            return;
        case Kind::release:
            holds_ = false;
            return;
        case Kind::take_address: {
            const auto& listener = random.any(serving_.listeners);
            const std::string address = listener.bind.to_string();
            if (world_.taken.erase(address) == 0 && random.one_in(2)) world_.taken.insert(address);
            return;
        }
        case Kind::disk:
            if (random.one_in(3)) return world_.mend_disk();
            return world_.break_disk(random.one_in(2) ? DiskFault::full : DiskFault::broken,
                                     static_cast<std::uint32_t>(random.below(5)));
        case Kind::wall_step:
            return world_.step_wall(std::chrono::hours(random.one_in(2) ? 24 : -24));
        case Kind::restart:
            return restart(true);
        case Kind::crash:
            world_.break_disk(DiskFault::crash, static_cast<std::uint32_t>(random.below(8)));
            command(random);
            note_overrides();
            return restart(false);
        case Kind::lose_state:
            end_process();
            if (!state_.empty()) std::filesystem::remove(state_);
            on_disk_ = {{}};
            return restart(false);
        case Kind::damage_state:
            return damage_state(random);
        case Kind::question:
            return question(random);
        case Kind::page:
            return page(random);
        case Kind::dial:
            return fail_to_dial(random);
        case Kind::rotate:
            if (world_.on_signal) world_.on_signal(SIGUSR1);
            return;
        case Kind::leave:
            if (world_.on_signal) world_.on_signal(SIGTERM);
            return;
    }
}

void Simulation::reload(Random& random) {
    // A command waits for the rings that are held, and others' reloads come before it.
    if (random.one_in(2) || holds_) {
        if (!world_.on_signal || control_->is_leaving()) return;
        if (!signal_reload_at_) signal_reload_at_ = world_.now() + milliseconds(20);
        world_.on_signal(SIGHUP);
        if (random.one_in(2)) pass_time(milliseconds(30));
        return;
    }
    const bool is_limited = random.one_in(4);
    reloads_.push_back({.jobs = is_limited ? 2 : 1});
    ask(is_limited ? fmt::format("reload --max-moved {}%", random.below(100)) : "reload");
    turn();
}

void Simulation::edit(Random& random) {
    text_ = configs_.next(text_);
    is_valid_ = true;
    write_file(text_);
    reload(random);
}

void Simulation::change_peer(Random& random) {
    std::vector<std::string> addresses;
    for (const auto& [name, pool] : control_->pools().all()) {
        for (const auto& [id, server] : pool.servers) {
            addresses.push_back(server.desired.address.to_string());
            if (server.desired.check_address) {
                addresses.push_back(server.desired.check_address->to_string());
            }
        }
    }
    if (addresses.empty()) return;
    const std::string& address = random.any(addresses);
    // More often well than not: else all is down before long.
    const Peer peer = random.one_in(2) ? Peer::serves : static_cast<Peer>(random.below(5));
    world_.set_peer(address, peer);
    trace(fmt::format("  {} {}", address, static_cast<int>(peer)));
}

// Through a listener of a worker, as a real connection: the walk of a key, until a server has
// room and answers.
void Simulation::open(Random& random) {
    for (auto& [index, state] : world_.workers) {
        if (state.listening.empty() || random.one_in(2)) continue;
        const auto at =
            std::next(state.listening.begin(),
                      static_cast<std::ptrdiff_t>(random.below(state.listening.size())));
        const auto& intake = at->second;
        const proxy::Backend& backend = *intake->backends.front();
        Connection next{intake, {intake->quota->take(), state.total->take()}, {}, world_.now()};
        auto& counts = (*intake->counts)[state.index];
        counts.accepted.add(1);
        if (!next.admission.listener || !next.admission.total) continue;
        const auto snapshot = backend.ring->balancer()->snapshot();
        ring::Walk walk(*snapshot, snapshot->hash(fmt::format("key-{}", random.below(1'000))));
        while (const ring::Member* const member = walk.next()) {
            expect(member->status == ring::Status::online, "walk",
                   [&] { return member->id + " takes a key and is not online"; });
            ring::Slot claim = snapshot->try_claim(*member);
            if (!claim) continue;
            if (member->max_connections > 0) {
                expect(claim.live() <= member->max_connections, "limit", [&] {
                    return fmt::format("{} has {} connections of {}", member->id, claim.live(),
                                       member->max_connections);
                });
            }
            next.slot = proxy::ServerSlot(std::move(claim), state.index);
            next.slot.counts().total.add(1);
            (*backend.counts)[state.index].picks.add(1);
            served(backend.pool, *member, random.one_in(2), next.slot);
            counts.active.add(1);
            state.connections.push_back(std::move(next));
            break;
        }
    }
}

// The connection is a success for the server that the pool has under this id now; the ring that
// placed it may be older.
void Simulation::served(const std::string& pool, const ring::Member& member, bool with_bytes,
                        proxy::ServerSlot& slot) {
    if (with_bytes) slot.counts().bytes_down.add(100);
    const auto* const found = control_->pools().find(pool);
    const auto* const now = found == nullptr ? nullptr : found->find(member.id);
    if (now == nullptr || now->counts != slot.server().counts) return;
    model_.connection_served(pool, member.id, with_bytes);
}

// Some end, now and then all.
void Simulation::close(Random& random) {
    for (auto& [index, state] : world_.workers) {
        const bool all = random.one_in(6);
        std::erase_if(state.connections, [&](const Connection& each) {
            if (!all && !random.one_in(3)) return false;
            auto& counts = (*each.intake->counts)[state.index];
            counts.active.subtract(1);
            counts.ended(proxy::CloseReason::done).add(1);
            return true;
        });
    }
}

// As the workers report it: by the context that they find on the ring that serves.
void Simulation::fail(Random& random) {
    const std::string pool = any_pool(random);
    const std::string id = any_server(pool, random);
    const auto snapshot = control_->pools().find(pool)->ring->snapshot();
    const ring::Member* const member = snapshot->find(id);
    if (member == nullptr) return;
    const auto& server = *static_cast<const proxy::Server*>(member->context.get());
    const auto kind = random.one_in(2) ? health::Failure::connect : health::Failure::early_reset;
    const auto times = static_cast<std::uint32_t>(1 + random.below(4));
    if (server.failure_reports == nullptr) return;
    for (std::uint32_t i = 0; i < times; ++i) server.failure_reports->report(kind);
    // Reports on a server that has left the pool, or has another address now, count no more.
    const auto* const now = control_->pools().find(pool)->find(id);
    const bool counts = now != nullptr && now->health.failure_reports() == server.failure_reports;
    turn();
    if (counts) model_.connections_failed(pool, id, kind, times, world_.now());
}

void Simulation::damage_state(Random& random) {
    if (!std::filesystem::exists(state_)) return;
    end_process();
    std::ifstream in(state_, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (random.one_in(2)) {
        bytes.resize(random.below(bytes.size() + 1));
    } else if (!bytes.empty()) {
        bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    std::ofstream(state_, std::ios::binary | std::ios::trunc) << bytes;
    on_disk_.clear();  // whatever is there
    restart(false);
}

// Of those that stay: one that a reload leaves is there until its listeners are switched.
const std::string& Simulation::any_pool(Random& random) const {
    return random.any(serving_.pools).name;
}

// Of those that there are, of those that the file may name, or of nobody.
std::string Simulation::any_server(const std::string& pool, Random& random) const {
    const auto& servers = control_->pools().find(pool)->servers;
    if (servers.empty() || random.one_in(6)) return fmt::format("s{}", random.below(10));
    const auto place = static_cast<std::ptrdiff_t>(random.below(servers.size()));
    return std::next(servers.begin(), place)->first;
}

}  // namespace ringway::simulation

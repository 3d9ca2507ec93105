#include "tests/fuzz/balancer_pair.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "ring/analysis.h"
#include "ring/explain.h"
#include "ring/snapshot_access.h"
#include "tests/fuzz/mutation.h"

namespace ringway::fuzz {

using namespace ring;

namespace {

constexpr std::size_t slots_max = 256;

}  // namespace

// By the call of its own, if there is one.
bool BalancerPair::apply_alone(const Change& change) {
    try {
        if (const auto* server = std::get_if<ServerSpec>(&change)) {
            balancer_->register_server(*server);
        } else if (const auto* gone = std::get_if<Unregister>(&change)) {
            balancer_->unregister_server(gone->id);
        } else if (const auto* status = std::get_if<SetStatus>(&change)) {
            balancer_->set_status(status->id, status->status);
        } else {
            balancer_->apply(std::array{change});
        }
    } catch (const Error& error) {
        require(std::string_view(error.what()).size() > 0, "a refusal has a reason");
        return false;
    }
    return true;
}

void BalancerPair::apply(const std::vector<Change>& changes) {
    const auto before = balancer_->snapshot();
    std::shared_ptr<const Snapshot> seen;
    bool taken = false;
    try {
        seen = preview(before, changes);
        taken = true;
    } catch (const Error&) {
    }
    require(balancer_->snapshot() == before, "a preview publishes nothing");
    const bool wanted = model_.apply(changes);
    require(taken == wanted, "a preview refuses what is to be refused");
    if (changes.size() == 1) {
        require(apply_alone(changes.front()) == wanted, "what is to be refused is");
    } else {
        bool refused = false;
        try {
            balancer_->apply(changes);
        } catch (const Error&) {
            refused = true;
        }
        require(refused != wanted, "a batch is taken as a whole");
    }
    const auto after = balancer_->snapshot();
    require(after->generation() == model_.generation(), "a difference is published, and no other");
    require((after == before) == (after->generation() == before->generation()), "as a snapshot");
    check_members();
    check_counts();
    if (after == before) return;
    // Costs as much as the rest.
    if (model_.generation() % 4 == 0) {
        require(fingerprint(*seen) == fingerprint(*after), "a preview is what is published");
    }
    if (model_.settings().algorithm == Algorithm::ring) points_ = model_.points();
    check_change(*before, *after);
}

// Only servers that a change names gain or lose keys, on a ring.
void BalancerPair::check_change(const Snapshot& before, const Snapshot& after) const {
    const KeyMoves moves = key_moves(before, after);
    require(moves.same_hash && moves.moved >= 0 && moves.moved <= 1, "a part of the keys moves");
    require(std::abs(moved(before, after) - moves.moved) < 1e-9, "counted in either way");
    double sum = 0;
    for (const Move& move : moves.moves) {
        sum += move.share;
        require(move.from != move.to, "from one to another");
        if (model_.settings().algorithm != Algorithm::ring) continue;
        const auto changed = [&](const std::string& id) {
            if (id.empty()) return true;
            const Member* const was = before.find(id);
            const Member* const is = after.find(id);
            return was == nullptr || is == nullptr || was->points != is->points;
        };
        require(changed(move.from) || changed(move.to), "of which one has changed");
    }
    require(std::abs(sum - moves.moved) < 1e-9, "and no more than that");
}

void BalancerPair::check_members() const {
    const auto snapshot = balancer_->snapshot();
    require(snapshot->members().size() == model_.servers().size(), "as many members");
    auto wanted = model_.servers().begin();
    for (const Member& member : snapshot->members()) {
        const auto& [id, server] = *wanted++;
        require(member.id == id && member.weight == server.weight, "in order, of their weight");
        require(member.status == server.status && member.ramp == server.ramp, "and status");
        require(member.max_connections == server.max_connections, "and limit");
        require(member.context == server.context, "and context");
        require((member.points != 0) == server.has_points(), "with points where they are to");
        require(snapshot->find(id) == &member, "and are found");
        require(balancer_->server_status(id) == server.status, "with their status");
    }
    require(!balancer_->server_status("nobody"), "and nobody else");
}

void BalancerPair::check_counts() const {
    const auto snapshot = balancer_->snapshot();
    for (const Member& member : snapshot->members()) {
        require(member.live() == model_.live(member.id), "connections are counted");
        require(snapshot->verdict(member) == model_.verdict(member.id), "the verdict is right");
        require(!to_string(model_.verdict(member.id)).empty(), "and has a name");
    }
}

std::vector<std::string> BalancerPair::walk(std::uint64_t hash) const {
    if (model_.settings().algorithm == Algorithm::ring) return test::brute_walk(points_, hash);
    return test::walk_ids(*balancer_->snapshot(), hash);
}

void BalancerPair::check_key(const std::string& key) const {
    const auto snapshot = balancer_->snapshot();
    const auto wanted = walk(snapshot->hash(key));
    const auto found = balancer_->server_for_key(key);
    require(found.value_or("") == (wanted.empty() ? "" : wanted[0]), "a key is its owner's");
    require(found.has_value() == !wanted.empty(), "if there is one");
}

void BalancerPair::check_hash(std::uint64_t hash) const {
    const auto snapshot = balancer_->snapshot();
    const auto wanted = walk(hash);
    require(test::walk_ids(*snapshot, hash) == wanted, "a walk is the model's");
    const Member* const owner = snapshot->owner(hash);
    require((owner == nullptr ? "" : owner->id) == (wanted.empty() ? "" : wanted[0]), "its owner");
    std::size_t on_ring = 0;
    for (const auto& [id, server] : model_.servers()) on_ring += server.has_points() ? 1 : 0;
    require(wanted.size() == on_ring, "it has everybody who is on the ring");
    check_explained(hash, wanted);
}

void BalancerPair::check_explained(std::uint64_t hash, const std::vector<std::string>& walk) const {
    const auto snapshot = balancer_->snapshot();
    const auto steps = explain(*snapshot, hash, 5);
    require(steps.size() == std::min<std::size_t>(5, walk.size()), "steps are explained");
    for (std::size_t i = 0; i < steps.size(); ++i) {
        require(steps[i].member->id == walk[i], "in the order of the walk");
        require(steps[i].verdict == model_.verdict(walk[i]), "with their verdicts");
    }
    const auto all = explain_if_all_online(*snapshot, hash, 100);
    require(all.size() == model_.servers().size(), "everybody is on the walk of all");
    if (model_.settings().algorithm != Algorithm::ring) return;
    std::vector<std::string> online;
    for (const auto& step : all) {
        if (step.member->points != 0) online.push_back(step.member->id);
    }
    require(online == walk, "where those online stand in their order");
}

// A Balancer that never changed.
void BalancerPair::check_renewed() const {
    const auto snapshot = balancer_->snapshot();
    std::vector<Change> all;
    for (const auto& [id, server] : model_.servers()) {
        all.insert(all.begin(), ServerSpec{id, server.weight, server.status, server.context,
                                           server.max_connections, server.ramp});
    }
    Balancer fresh(model_.settings());
    fresh.apply(all);
    require(fingerprint(*fresh.snapshot()) == fingerprint(*snapshot), "the way leaves no trace");
    require(fresh.snapshot()->point_count() == snapshot->point_count(), "nor in points");
    require(moved(*fresh.snapshot(), *snapshot) == 0, "nor in keys");
    Settings other = model_.settings();
    other.seed += "other";
    Balancer elsewhere(other);
    elsewhere.apply(all);
    const KeyMoves chance = key_moves(*snapshot, *elsewhere.snapshot());
    require(!chance.same_hash && chance.moves.empty(), "another seed moves keys by chance");
    require(chance.moved > -1e-9 && chance.moved <= 1, "as many as there are, at most");
    double sum = 0;
    const auto parts = shares(*snapshot);
    for (const auto& each : parts) sum += each.share;
    require(std::abs(sum - (snapshot->point_count() == 0 ? 0 : 1)) < 1e-9, "shares are a whole");
    const Balance even = balance(parts);
    require(even.peak >= even.least && even.deviation >= 0, "a peak is above the least");
    if (model_.settings().algorithm == Algorithm::ring) {
        require(snapshot->point_count() == points_.size(), "as many points as the model");
    }
    require(snapshot->point_bytes() >= snapshot->point_count(), "which take memory");
}

void BalancerPair::pick(std::uint64_t hash) {
    if (slots_.size() >= slots_max) return;
    const auto [id, verdict] = model_.pick(walk(hash));
    Reader reader(*balancer_);
    Pick pick = reader.pick(hash);
    require((pick.member == nullptr ? "" : pick.member->id) == id, "who takes a connection does");
    require(static_cast<bool>(pick.slot) == !id.empty(), "with a slot");
    require(pick.verdict == verdict, "and the reason of the last is told");
    if (id.empty()) return;
    model_.open(id);
    require(pick.slot.live() == model_.live(id), "it is counted");
    require(pick.slot.context() == model_.servers().at(id).context, "with the context");
    slots_.emplace_back(id, std::move(pick.slot));
}

void BalancerPair::claim(const std::string& id) {
    const auto snapshot = balancer_->snapshot();
    const Member* const member = snapshot->find(id);
    if (member == nullptr || slots_.size() >= slots_max) return;
    const bool takes = model_.verdict(id) == Verdict::takes;
    if (member->points != 0 && model_.settings().balance_factor != 0) {
        const auto live = model_.live() + 1;
        require(snapshot->bound(*member, live) == model_.bound(id, live), "a bound is the model's");
    }
    Slot slot = snapshot->try_claim(*member);
    require(static_cast<bool>(slot) == takes, "a claim is taken where there is room");
    if (!takes) return;
    model_.open(id);
    slots_.emplace_back(id, std::move(slot));
}

void BalancerPair::release(std::size_t index) {
    if (slots_.empty()) return;
    auto& [id, slot] = slots_[index % slots_.size()];
    slot.release();
    require(!slot, "a slot that is released is empty");
    model_.close(id);
    std::swap(slots_[index % slots_.size()], slots_.back());
    slots_.pop_back();
}

void BalancerPair::rename(const std::string& from, const std::string& to) {
    if (from == to || model_.servers().contains(to) || model_.live(to) != 0) return;
    if (model_.servers().contains(from)) apply({Unregister{from}});
    SnapshotAccess::ledger(*balancer_->snapshot())->rename(from, to);
    model_.rename(from, to);
    for (auto& [id, slot] : slots_) {
        if (id == from) id = to;
    }
    apply({ServerSpec{.id = to}});
}

// Another Balancer takes over the servers and their connections.
void BalancerPair::renew() {
    const auto old = balancer_->snapshot();
    balancer_.emplace(model_.settings(), SnapshotAccess::ledger(*old));
    const auto servers = model_.servers();
    BalancerModel next(model_.settings());
    for (const auto& [id, slot] : slots_) next.open(id);
    model_ = std::move(next);
    std::vector<Change> all;
    for (const auto& [id, server] : servers) {
        all.emplace_back(ServerSpec{id, server.weight, server.status, server.context,
                                    server.max_connections, server.ramp});
    }
    apply(all);
}

}  // namespace ringway::fuzz

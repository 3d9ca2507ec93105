#include "proxy/etcd/mirror_plan.h"

#include <algorithm>
#include <utility>

#include "proxy/etcd/backoff.h"

namespace ringway::proxy {

namespace {

using Kind = EtcdError::Kind;

}  // namespace

MirrorPlan::Attempt MirrorPlan::begin(TimePoint now) {
    if (!begun_) state_.since = now;
    if (std::exchange(begun_, true)) ++state_.reconnects;
    return {endpoint_, state_.revision};
}

bool MirrorPlan::on_probe(TimePoint now, const EtcdResult<EtcdHeader>& answer) {
    if (!answer) {
        // Newer than what there is: the store has been restored, or made anew.
        const Kind kind = answer.error().kind;
        if (kind == Kind::compacted) ++state_.compactions;
        if (kind != Kind::compacted && kind != Kind::future) return true;
        state_.last_contact = now;
        state_.revision = 0;
        return false;
    }
    state_.last_contact = now;
    // Terms only rise, but for a store that has been restored.
    if (answer->cluster == cluster_ && answer->term >= term_ &&
        answer->revision >= state_.revision) {
        term_ = answer->term;
        return true;
    }
    state_.revision = 0;
    return false;
}

void MirrorPlan::on_snapshot(TimePoint now, const EtcdHeader& header) {
    state_.last_contact = now;
    state_.revision = header.revision;
    cluster_ = header.cluster;
    term_ = header.term;
    ++state_.snapshots;
}

void MirrorPlan::on_watching(TimePoint now) {
    state_.last_contact = now;
    state_.kind = MirrorState::Kind::in_sync;
    state_.reason.clear();
    state_.since = now;
}

void MirrorPlan::on_message(TimePoint now, const EtcdWatchMessage& message) {
    state_.last_contact = now;
    state_.events += message.events.size();
    // The header of a message with events may be ahead of events that are still to come.
    for (const EtcdEvent& each : message.events) {
        state_.revision = std::max(state_.revision, each.key.mod_revision);
    }
    if (message.events.empty() && !message.created) {
        state_.revision = std::max(state_.revision, message.header.revision);
    }
}

std::chrono::milliseconds MirrorPlan::on_failure(TimePoint now, const EtcdError& error) {
    ++state_.errors;
    const bool was_in_sync = state_.kind == MirrorState::Kind::in_sync;
    if (was_in_sync && now - state_.since >= steady) failures_ = 0;
    ++failures_;
    if (state_.kind != MirrorState::Kind::lost) state_.since = now;
    state_.kind = MirrorState::Kind::lost;
    state_.reason = error.text;
    // What the member has was no reason to leave it.
    if (error.kind == Kind::compacted) {
        ++state_.compactions;
        state_.revision = 0;
        if (failures_ == 1) return std::chrono::milliseconds{0};
    } else if (endpoints_ > 0) {
        endpoint_ = (endpoint_ + 1) % endpoints_;
    }
    return pause();
}

// None until each endpoint has failed once.
std::chrono::milliseconds MirrorPlan::pause() {
    if (failures_ < endpoints_) return std::chrono::milliseconds{0};
    const std::size_t rounds = failures_ - std::max<std::size_t>(endpoints_, 1) + 1;
    return backoff(rounds, pause_min, pause_max, random_);
}

}  // namespace ringway::proxy

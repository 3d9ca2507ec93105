#include "proxy/etcd/lease_plan.h"

#include <algorithm>
#include <utility>

#include "proxy/etcd/backoff.h"

namespace ringway::proxy {

namespace {

using Kind = EtcdError::Kind;
using CallKind = LeasePlan::Call::Kind;

}  // namespace

bool LeasePlan::is_pending(const std::string& key) const {
    const auto wanted = wanted_.find(key);
    const auto there = there_.find(key);
    if (wanted == wanted_.end()) return there != there_.end();
    return there == there_.end() || there->second != wanted->second;
}

void LeasePlan::look_at(const std::string& key) {
    if (is_pending(key)) {
        pending_.insert(key);
    } else {
        pending_.erase(key);
    }
}

void LeasePlan::set(std::string key, std::string value) {
    const auto at = wanted_.insert_or_assign(std::move(key), std::move(value)).first;
    look_at(at->first);
}

void LeasePlan::erase(const std::string& key) {
    wanted_.erase(key);
    look_at(key);
}

void LeasePlan::doubt(const std::string& key) {
    const auto found = there_.find(key);
    if (found == there_.end()) return;
    found->second = std::nullopt;
    look_at(key);
}

std::optional<LeasePlan::Call> LeasePlan::next(TimePoint now) {
    if (stopping_) {
        if (lease_ == 0) return std::nullopt;
        return Call{.kind = CallKind::revoke, .lease = lease_};
    }
    if (now < retry_at_) return std::nullopt;
    if (lease_ == 0) {
        if (wanted_.empty()) return std::nullopt;
        return Call{.kind = CallKind::grant};
    }
    // A lease without keys costs calls for nothing. The last keys go with it.
    if (wanted_.empty()) return Call{.kind = CallKind::revoke, .lease = lease_};
    if (now >= keep_at_) return Call{.kind = CallKind::keep_alive, .lease = lease_};
    if (pending_.empty()) return std::nullopt;
    const std::string& key = *pending_.begin();
    const auto wanted = wanted_.find(key);
    // It may be done although no answer comes.
    there_[key] = std::nullopt;
    if (wanted == wanted_.end()) return Call{.kind = CallKind::remove, .key = key};
    return Call{.kind = CallKind::put, .key = key, .value = wanted->second, .lease = lease_};
}

TimePoint LeasePlan::due() const {
    if (stopping_) return TimePoint::max();
    const bool has_work = lease_ == 0 ? !wanted_.empty() : wanted_.empty() || !pending_.empty();
    if (has_work) return retry_at_;
    return lease_ == 0 ? TimePoint::max() : std::max(keep_at_, retry_at_);
}

void LeasePlan::on_granted(TimePoint now, TimePoint sent, const EtcdLease& lease) {
    lease_ = lease.id;
    there_.clear();
    pending_.clear();
    for (const auto& [key, value] : wanted_) pending_.insert(key);
    ++state_.grants;
    on_kept(now, sent, lease);
}

void LeasePlan::on_kept(TimePoint now, TimePoint sent, const EtcdLease& lease) {
    if (lease.ttl.count() == 0) return lose(now, "the lease has expired or was revoked");
    failures_ = 0;
    expires_ = sent + lease.ttl;
    keep_at_ = sent + std::chrono::milliseconds(lease.ttl) / 3;
    state_.reason.clear();
    note(now);
}

void LeasePlan::on_put(const Call& call) {
    // A lease that was lost meanwhile has taken the key with it.
    if (call.lease == lease_) there_[call.key] = call.value;
    look_at(call.key);
    failures_ = 0;
    ++state_.puts;
    state_.reason.clear();
}

void LeasePlan::on_removed(const Call& call) {
    there_.erase(call.key);
    look_at(call.key);
    failures_ = 0;
    ++state_.removals;
    state_.reason.clear();
}

void LeasePlan::on_revoked() {
    lease_ = 0;
    there_.clear();
    pending_.clear();
    for (const auto& [key, value] : wanted_) pending_.insert(key);
    failures_ = 0;
    state_.reason.clear();
}

void LeasePlan::on_failure(TimePoint now, const Call& call, const EtcdError& error) {
    ++state_.errors;
    if (call.kind == CallKind::revoke && stopping_) {
        // It expires.
        lease_ = 0;
        return;
    }
    if (error.kind == Kind::lease_not_found) return lose(now, error.text);
    ++failures_;
    state_.reason = error.text;
    // The lease must not expire for the length of a pause.
    const auto most = std::min(pause_max, std::chrono::milliseconds(ttl_) / 6);
    retry_at_ = now + backoff(failures_, std::min(pause_min, most), most, random_);
    note(now);
}

void LeasePlan::lose(TimePoint now, std::string_view why) {
    if (lease_ != 0) ++state_.losses;
    on_revoked();
    expires_ = now;
    state_.reason = why;
    // Were each new one lost at once, calls would follow each other without end.
    retry_at_ = now + pause_min;
    note(now);
}

void LeasePlan::note(TimePoint now) {
    using State = LeaseState::Kind;
    const State kind = is_alive(now) ? State::held : wanted_.empty() ? State::idle : State::lost;
    if (kind == state_.kind) return;
    state_.kind = kind;
    // An expiry is known before anybody asks.
    state_.since = kind == State::lost && lease_ != 0 ? expires_ : now;
}

LeaseState LeasePlan::state(TimePoint now) {
    note(now);
    state_.lease = lease_;
    state_.keys = wanted_.size();
    state_.pending = pending_.size();
    return state_;
}

}  // namespace ringway::proxy

#include "proxy/names/name_book.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace ringway::proxy {
namespace {

using conf::Endpoint;

auto place_of(const Endpoint& address) {
    return std::tie(address.is_v6, address.address);
}

auto place_of(const Service& service) {
    return std::tie(service.target, service.port);
}

// What identifies a record, and its order.
template <class Record>
bool precedes(const Used<Record>& a, const Used<Record>& b) {
    return place_of(a.record) < place_of(b.record);
}

template <class Record>
bool is_same(const Used<Record>& a, const Used<Record>& b) {
    return a.record == b.record && a.is_kept == b.is_kept;
}

// Whether the answer says anything of the record: its absence counts then.
bool covers(const Records& answer, const Endpoint& address) {
    return !(address.is_v6 ? answer.lacks_v6 : answer.lacks_v4);
}

bool covers(const Records&, const Service&) {
    return true;
}

// What is used after `answer`, which has `records`; `kept_since`: an answer before that keeps
// nothing any more. Whether anything is different.
template <class Record>
bool merge(std::vector<Used<Record>>& used, const std::vector<Record>& records,
           const Records& answer, TimePoint now, TimePoint kept_since) {
    std::vector<Used<Record>> next;
    for (const Record& record : records) next.push_back({.record = record, .seen_at = now});
    std::ranges::stable_sort(next, precedes<Record>);
    const auto again = std::unique(next.begin(), next.end(), [](const auto& a, const auto& b) {
        return place_of(a.record) == place_of(b.record);
    });
    next.erase(again, next.end());
    const auto has = static_cast<std::ptrdiff_t>(next.size());
    for (Used<Record> old : used) {
        if (std::binary_search(next.begin(), next.begin() + has, old, precedes<Record>)) continue;
        const bool is_covered = covers(answer, old.record);
        old.is_kept = old.is_kept || is_covered;
        if (!old.is_kept || old.seen_at > kept_since) next.push_back(std::move(old));
    }
    std::inplace_merge(next.begin(), next.begin() + has, next.end(), precedes<Record>);
    const bool is_changed = !std::ranges::equal(used, next, is_same<Record>);
    used = std::move(next);
    return is_changed;
}

template <class Record>
std::optional<TimePoint> first_kept(const std::vector<Used<Record>>& used) {
    std::optional<TimePoint> first;
    for (const auto& each : used) {
        if (each.is_kept && (!first || each.seen_at < *first)) first = each.seen_at;
    }
    return first;
}

template <class Record>
bool drop_kept(std::vector<Used<Record>>& used, TimePoint kept_since) {
    return std::erase_if(used, [&](const auto& each) {
               return each.is_kept && each.seen_at <= kept_since;
           }) > 0;
}

}  // namespace

void AnswerCounts::count(const Answer& answer) {
    if (answer) {
        ++with_records;
    } else {
        ++failed.at(static_cast<std::size_t>(answer.error().reason));
    }
}

std::optional<Endpoint> pick(const Known& known, const std::optional<Endpoint>& current) {
    const Endpoint* first = nullptr;
    for (const auto& [record, seen_at, is_kept] : known.addresses) {
        if (is_kept) continue;
        if (current && place_of(record) == place_of(*current)) return record;
        if (first == nullptr) first = &record;
    }
    if (first == nullptr) return std::nullopt;
    return *first;
}

void NameBook::set(const conf::DnsSettings& settings) {
    const bool asks_others =
        settings.nameservers != settings_.nameservers || settings.family != settings_.family;
    settings_ = settings;
    for (auto& [question, entry] : entries_) {
        if (asks_others) entry.is_outdated = true;
        place(question, entry);
    }
}

void NameBook::want(const std::set<Question>& questions) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto next = std::next(entry);
        if (!questions.contains(entry->first)) forget(entry);
        entry = next;
    }
    for (const Question& question : questions) {
        if (!entries_.contains(question)) add(question);
    }
}

void NameBook::add(const Question& question) {
    place(question, entries_[question]);
    ++unsettled_;
}

void NameBook::forget(Entries::iterator entry) {
    auto& [question, forgotten] = *entry;
    if (!forgotten.known.is_settled()) --unsettled_;
    move(due_, question, forgotten.due, TimePoint::max());
    move(expiries_, question, forgotten.expiry, TimePoint::max());
    entries_.erase(entry);
}

void NameBook::move(Queue& queue, const Question& question, TimePoint& place, TimePoint to) {
    if (place == to) return;
    if (place != TimePoint::max()) queue.erase({place, question});
    if (to != TimePoint::max()) queue.emplace(to, question);
    place = to;
}

std::vector<Question> NameBook::take_due(TimePoint now) {
    std::vector<Question> asked;
    while (next_due() <= now) {
        const Question question = due_.begin()->second;
        Entry& entry = entries_.find(question)->second;
        move(due_, question, entry.due, TimePoint::max());
        entry.known.asked_at = now;
        under_way_.insert(question);
        asked.push_back(question);
    }
    return asked;
}

TimePoint NameBook::next_due() const {
    if (due_.empty() || under_way_.size() >= under_way_max) return TimePoint::max();
    return due_.begin()->first;
}

// From the last answer to the next question.
conf::Duration NameBook::wait_of(const Known& known) const {
    const conf::Duration most = std::max(settings_.max_ttl, settings_.min_ttl);
    if (known.failures == 0) {
        // Compared in seconds: a TTL is at most 2^31 of them.
        return std::clamp<conf::Duration>(known.ttl, settings_.min_ttl, most);
    }
    conf::Duration wait = settings_.min_ttl;
    for (std::uint32_t i = 1; i < known.failures && wait < most && wait.count() > 0; ++i) wait *= 2;
    return std::min(wait, most);
}

TimePoint NameBook::due_of(const Entry& entry) const {
    const Known& known = entry.known;
    if (!known.settled_at || entry.is_outdated) return TimePoint::min();
    return *known.settled_at + wait_of(known);
}

TimePoint NameBook::expiry_of(const Known& known) const {
    TimePoint first = TimePoint::max();
    for (const auto& seen_at : {first_kept(known.addresses), first_kept(known.services)}) {
        if (seen_at) first = std::min<TimePoint>(first, *seen_at + settings_.keep_for);
    }
    return first;
}

void NameBook::place(const Question& question, Entry& entry) {
    const bool is_asked = under_way_.contains(question);
    move(due_, question, entry.due, is_asked ? TimePoint::max() : due_of(entry));
    move(expiries_, question, entry.expiry, expiry_of(entry.known));
}

bool NameBook::take(const Question& question, const Answer& answer, TimePoint now) {
    under_way_.erase(question);
    const auto found = entries_.find(question);
    if (found == entries_.end()) return false;
    Known& known = found->second.known;
    counts_.count(answer);
    known.counts.count(answer);
    if (!known.is_settled()) --unsettled_;
    known.settled_at = now;
    found->second.is_outdated = false;
    bool is_changed = false;
    if (answer) {
        known.failure.reset();
        known.failures = 0;
        known.answered_at = now;
        known.ttl = answer->ttl;
        is_changed = take_records(known, *answer, now);
    } else {
        known.failure = answer.error();
        ++known.failures;
    }
    if (is_changed) known.changed_at = now;
    place(question, found->second);
    return is_changed;
}

bool NameBook::take_records(Known& known, const Records& records, TimePoint now) const {
    const TimePoint kept_since = now - settings_.keep_for;
    const bool addresses = merge(known.addresses, records.addresses, records, now, kept_since);
    const bool services = merge(known.services, records.services, records, now, kept_since);
    return addresses || services;
}

std::vector<Question> NameBook::expire(TimePoint now) {
    std::vector<Question> changed;
    while (next_expiry() <= now) {
        const Question question = expiries_.begin()->second;
        Entry& entry = entries_.find(question)->second;
        Known& known = entry.known;
        const TimePoint kept_since = now - settings_.keep_for;
        drop_kept(known.addresses, kept_since);
        drop_kept(known.services, kept_since);
        known.changed_at = now;
        place(question, entry);
        changed.push_back(question);
    }
    return changed;
}

TimePoint NameBook::next_expiry() const {
    return expiries_.empty() ? TimePoint::max() : expiries_.begin()->first;
}

std::size_t NameBook::failing() const {
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(),
                      [](const auto& each) { return each.second.known.failure.has_value(); }));
}

const Known* NameBook::find(const Question& question) const {
    const auto found = entries_.find(question);
    return found == entries_.end() ? nullptr : &found->second.known;
}

}  // namespace ringway::proxy

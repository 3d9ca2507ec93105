// What is known of names, and when each is asked for next. Pure, on a given `now` that never goes
// back. One thread.
//
// The rules:
// 1. The records of the last answer are used.
// 2. A record that it lacks is kept: used until `keep_for` after the last answer that had it, or
//    until an answer has it again.
// 3. A failure takes nothing away, also NXDOMAIN and an answer without records: what is known stays
//    in use until an answer has records, however long that takes. Records that an earlier answer
//    lacked go at their time.
// 4. So at least one record is used from the first answer with records on.
// 5. A name is asked for again after its TTL, within the bounds of the settings; after failures
//    after the least TTL, doubled for each further failure up to the greatest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "conf/sources.h"
#include "proxy/base/clock.h"
#include "proxy/names/question.h"

namespace ringway::proxy {

// A record that is used.
template <class Record>
struct Used {
    Record record;
    TimePoint seen_at{};   // of the last answer that had it
    bool is_kept = false;  // the last answer lacks it
};

struct AnswerCounts {
    std::uint64_t with_records = 0;
    std::array<std::uint64_t, 7> failed{};  // by NoRecords

    void count(const Answer& answer);
    bool operator==(const AnswerCounts&) const = default;
};

// What is known of a question.
struct Known {
    // Those that are used, kept ones included; sorted as in Records.
    std::vector<Used<conf::Endpoint>> addresses;
    std::vector<Used<Service>> services;   // of a target and port one
    std::chrono::seconds ttl{0};           // of the last answer with records
    std::optional<LookupFailure> failure;  // of the last answer, if it was one
    std::uint32_t failures = 0;            // in a row, up to now
    std::optional<TimePoint> asked_at;     // last
    std::optional<TimePoint> settled_at;   // of the last answer of either kind
    std::optional<TimePoint> answered_at;  // of the last answer with records
    std::optional<TimePoint> changed_at;   // when the records were last others, or others were kept
    AnswerCounts counts;

    bool is_settled() const { return settled_at.has_value(); }
};

// The address, with port 0, for one that uses one address of all: `current`, whatever its port,
// while the last answer has it, else the first that the last answer has. None before there are any.
std::optional<conf::Endpoint> pick(const Known& known,
                                   const std::optional<conf::Endpoint>& current);

class NameBook {
public:
    static constexpr std::size_t under_way_max = 64;

    // The bounds, at once also for what is known. If other nameservers or families are asked now,
    // everything is due.
    void set(const conf::DnsSettings& settings);

    // Exactly these questions. What is known of others is forgotten; new ones are due.
    void want(const std::set<Question>& questions);

    // The questions to ask now, which are under way then until take(): as many as may be at once,
    // the one that has been due for longest first.
    std::vector<Question> take_due(TimePoint now);
    // When take_due() has some; TimePoint::max() for not before an answer or a change.
    TimePoint next_due() const;

    // The answer to a question that was under way. Whether its used records are others now, or
    // others of them are kept. False for what is not wanted any more.
    bool take(const Question& question, const Answer& answer, TimePoint now);

    // Removes kept records whose time has come. The questions that had some.
    std::vector<Question> expire(TimePoint now);
    // When expire() has some; TimePoint::max() for never.
    TimePoint next_expiry() const;

    // Nothing for what is not wanted.
    const Known* find(const Question& question) const;
    std::size_t size() const { return entries_.size(); }
    // Of how many questions the last answer was a failure.
    std::size_t failing() const;
    // How many questions have had no answer of either kind.
    std::size_t unsettled() const { return unsettled_; }
    // Of all questions ever.
    const AnswerCounts& counts() const { return counts_; }

private:
    struct Entry {
        Known known;
        TimePoint due = TimePoint::max();  // of its place in due_; max for none
        TimePoint expiry = TimePoint::max();
        bool is_outdated = false;  // other nameservers or families are asked now
    };
    using Entries = std::map<Question, Entry>;
    using Queue = std::set<std::pair<TimePoint, Question>>;

    static void move(Queue& queue, const Question& question, TimePoint& place, TimePoint to);
    void add(const Question& question);
    void forget(Entries::iterator entry);
    conf::Duration wait_of(const Known& known) const;
    TimePoint due_of(const Entry& entry) const;
    TimePoint expiry_of(const Known& known) const;
    void place(const Question& question, Entry& entry);
    bool take_records(Known& known, const Records& records, TimePoint now) const;

    conf::DnsSettings settings_;
    Entries entries_;
    Queue due_;                     // of those that are not under way
    Queue expiries_;                // of those that have kept records
    std::set<Question> under_way_;  // also those that are not wanted any more
    std::size_t unsettled_ = 0;
    AnswerCounts counts_;
};

}  // namespace ringway::proxy

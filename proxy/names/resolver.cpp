#include "proxy/names/resolver.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ares.h>

#include <boost/asio/post.hpp>

#include "proxy/names/answer.h"

namespace ringway::proxy {

using Family = conf::DnsSettings::Family;

namespace {

std::vector<RecordType> types_of(const Question& question, Family family) {
    if (question.kind == Question::Kind::services) return {RecordType::srv};
    if (family == Family::v4) return {RecordType::a};
    if (family == Family::v6) return {RecordType::aaaa};
    return {RecordType::a, RecordType::aaaa};
}

LookupFailure with_detail(NoRecords reason, std::string_view detail) {
    return {reason, std::string(text_of(reason)).append(": ").append(detail)};
}

LookupFailure failure_of(int status) {
    switch (status) {
        case ARES_ENOTFOUND:
            return lookup_failure(NoRecords::no_such_name);
        case ARES_ENODATA:
            return lookup_failure(NoRecords::none_of_type);
        case ARES_ESERVFAIL:
            return lookup_failure(NoRecords::server_failure);
        case ARES_ENOTIMP:
            return {NoRecords::server_failure, "server failure (NOTIMP)"};
        case ARES_EFORMERR:
            return {NoRecords::server_failure, "server failure (FORMERR)"};
        case ARES_EREFUSED:
            return lookup_failure(NoRecords::refused);
        case ARES_ETIMEOUT:
            return lookup_failure(NoRecords::timed_out);
        case ARES_ECONNREFUSED:
            return lookup_failure(NoRecords::unreachable);
        case ARES_ENOMEM:
        case ARES_EOF:
        case ARES_EFILE:
            return with_detail(NoRecords::unreachable, ares_strerror(status));
        default:
            return with_detail(NoRecords::malformed, ares_strerror(status));
    }
}

}  // namespace

struct Resolver::Lookup {
    Question question;
    OnAnswer on_answer;
    std::vector<std::string> candidates;  // the current one, and those after it
    std::vector<RecordType> types;        // of the current one's queries, and their answers
    std::vector<std::optional<Answer>> answers;
    std::optional<LookupFailure> none;  // what earlier candidates have answered

    const std::string& name() const { return candidates.front(); }
};

void Resolver::open() {
    channel_ = std::make_unique<Channel>(io_, settings_, Channel::Errors::ask_next);
    reasons_ = std::make_unique<Channel>(io_, settings_, Channel::Errors::take);
}

void Resolver::set(const conf::DnsSettings& settings) {
    if (!alive_) return;
    settings_ = settings;
    open();  // which drops the queries under way
    const std::set<LookupPtr> under_way = lookups_;
    for (const LookupPtr& lookup : under_way) start(lookup);
}

void Resolver::ask(Question question, OnAnswer on_answer) {
    if (!alive_) return;
    if (!channel_) open();
    auto lookup = std::make_shared<Lookup>();
    lookup->question = std::move(question);
    lookup->on_answer = std::move(on_answer);
    lookups_.insert(lookup);
    start(lookup);
}

void Resolver::stop() {
    alive_.reset();
    channel_.reset();
    reasons_.reset();
    lookups_.clear();
}

void Resolver::start(const LookupPtr& lookup) {
    const Question& question = lookup->question;
    if (question.kind == Question::Kind::addresses) {
        Records records;
        records.addresses = channel_->in_hosts_file(question.name, settings_.family);
        if (!records.addresses.empty()) {
            finish(lookup, std::move(records));
            return;
        }
    }
    lookup->candidates = channel_->candidates(question.name);
    lookup->types = types_of(question, settings_.family);
    lookup->none.reset();
    ask_next(lookup);
}

void Resolver::ask_next(const LookupPtr& lookup) {
    lookup->answers.assign(lookup->types.size(), std::nullopt);
    // The last of them may be answered at once.
    for (std::size_t part = 0, parts = lookup->types.size(); part < parts; ++part) {
        query(lookup, part, Attempt::first);
    }
}

void Resolver::query(const LookupPtr& lookup, std::size_t part, Attempt attempt) {
    const RecordType type = lookup->types[part];
    Channel& channel = attempt == Attempt::for_reason ? *reasons_ : *channel_;
    channel.query(lookup->name(), type,
                  [this, lookup, part, type, attempt](int status, std::string_view message) {
                      if (attempt == Attempt::first && status == ARES_ECONNREFUSED) {
                          query(lookup, part, Attempt::for_reason);
                      } else if (attempt == Attempt::first && status == ARES_EFORMERR) {
                          // c-ares has just found out that the nameserver does not know EDNS.
                          query(lookup, part, Attempt::again);
                      } else if (status == ARES_SUCCESS) {
                          take(lookup, part, parse_answer(message, type));
                      } else {
                          take(lookup, part, failure_of(status));
                      }
                  });
}

void Resolver::take(const LookupPtr& lookup, std::size_t part, Answer answer) {
    lookup->answers[part] = std::move(answer);
    for (const auto& each : lookup->answers) {
        if (!each) return;
    }
    conclude(lookup);
}

// All queries for the current candidate have ended.
void Resolver::conclude(const LookupPtr& lookup) {
    const auto& answers = lookup->answers;
    Answer answer = answers.size() == 1 ? *answers.front() : combined(*answers[0], *answers[1]);
    if (answer) {
        finish(lookup, std::move(answer));
        return;
    }
    const NoRecords reason = answer.error().reason;
    if (reason != NoRecords::no_such_name && reason != NoRecords::none_of_type) {
        finish(lookup, std::move(answer));
        return;
    }
    if (!lookup->none || reason == NoRecords::none_of_type) lookup->none = answer.error();
    if (lookup->candidates.size() == 1) {
        finish(lookup, *lookup->none);
        return;
    }
    lookup->candidates.erase(lookup->candidates.begin());
    ask_next(lookup);
}

void Resolver::finish(const LookupPtr& lookup, Answer answer) {
    lookups_.erase(lookup);
    boost::asio::post(io_, [alive = std::weak_ptr(alive_), lookup, answer = std::move(answer)] {
        if (!alive.expired()) lookup->on_answer(answer);
    });
}

}  // namespace ringway::proxy

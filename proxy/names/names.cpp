#include "proxy/names/names.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proxy/base/access_log.h"

namespace ringway::proxy {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

std::string outcome_of(const Answer& answer) {
    if (!answer) return answer.error().text;
    std::string lacking;
    if (answer->lacks_v4) lacking = ", the query for IPv4 failed";
    if (answer->lacks_v6) lacking = ", the query for IPv6 failed";
    return fmt::format("{} records, TTL {} s{}", answer->addresses.size() + answer->services.size(),
                       answer->ttl.count(), lacking);
}

// Names are printable (conf::parse_host_name()).
void debug_answer(const Question& question, const Answer& answer, const Known* known) {
    if (!logs_debug() || known == nullptr || !known->asked_at) return;
    const std::chrono::duration<double, std::milli> took = Clock::now() - *known->asked_at;
    spdlog::debug("DNS {} of {}: {} after {:.1f} ms",
                  question.kind == Question::Kind::services ? "services" : "addresses",
                  question.name, outcome_of(answer), took.count());
}

// A wait for a time in the past ends at once, also one that has yet to begin.
void end_wait(asio::steady_timer& timer) {
    timer.expires_at(TimePoint::min());
}

}  // namespace

Names::Names(asio::io_context& io, OnChange on_change)
    : io_(io), on_change_(std::move(on_change)), resolver_(io), alarm_(io) {}

void Names::set(const conf::DnsSettings& settings) {
    book_.set(settings);
    resolver_.set(settings);
    work();
}

void Names::want(const std::set<Question>& questions) {
    book_.want(questions);
    wake_if_settled();
    work();
}

void Names::stop() {
    alive_.reset();
    resolver_.stop();
    alarm_.cancel();
    for (const auto& each : std::exchange(waiting_, {})) {
        if (const auto timer = each.lock()) end_wait(*timer);
    }
}

// Whatever is due now; then waits for what is next.
void Names::work() {
    if (!alive_) return;
    const TimePoint now = Clock::now();
    report(book_.expire(now));
    for (const Question& question : book_.take_due(now)) {
        resolver_.ask(question, [this, question](const Answer& answer) { take(question, answer); });
    }
    const TimePoint next = std::min(book_.next_due(), book_.next_expiry());
    if (next == TimePoint::max()) {
        alarm_.cancel();
        return;
    }
    alarm_.expires_at(next);
    alarm_.async_wait([this, alive = std::weak_ptr(alive_)](const error_code& error) {
        if (!error && !alive.expired()) work();
    });
}

void Names::take(const Question& question, const Answer& answer) {
    const bool is_changed = book_.take(question, answer, Clock::now());
    debug_answer(question, answer, book_.find(question));
    if (is_changed) report({question});
    wake_if_settled();
    work();
}

void Names::report(const std::vector<Question>& changed) {
    if (changed.empty()) return;
    const bool is_first = changed_.empty();
    changed_.insert(changed.begin(), changed.end());
    if (!is_first) return;
    asio::post(io_, [this, alive = std::weak_ptr(alive_)] {
        if (alive.expired()) return;
        const std::set<Question> all = std::exchange(changed_, {});
        on_change_({all.begin(), all.end()});
    });
}

void Names::wake_if_settled() {
    if (book_.unsettled() > 0) return;
    for (const auto& each : std::exchange(waiting_, {})) {
        if (const auto timer = each.lock()) end_wait(*timer);
    }
}

asio::awaitable<void> Names::settled(Clock::duration limit) {
    if (!alive_ || book_.unsettled() == 0) co_return;
    const auto timer = std::make_shared<asio::steady_timer>(io_, limit);
    std::erase_if(waiting_, [](const auto& each) { return each.expired(); });
    waiting_.push_back(timer);
    co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace ringway::proxy

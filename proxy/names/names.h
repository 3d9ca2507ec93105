// Names that are wanted, kept up to date: a NameBook, a Resolver that asks what is due, and a
// timer. Lives on one io_context: every call, and every callback, on its thread.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/base/clock.h"
#include "proxy/names/name_book.h"
#include "proxy/names/resolver.h"

namespace ringway::proxy {

class Names {
public:
    // The questions that have other records now, or keep others: once for all changes of a turn of
    // the loop. Called from the io_context, never from within a call on the Names; may call it.
    using OnChange = std::function<void(const std::vector<Question>&)>;

    Names(boost::asio::io_context& io, OnChange on_change);
    ~Names() { stop(); }
    Names(const Names&) = delete;
    Names& operator=(const Names&) = delete;

    // How DNS is asked, from now on.
    void set(const conf::DnsSettings& settings);
    // Exactly these questions. What is known of those that were wanted before is kept.
    void want(const std::set<Question>& questions);
    const NameBook& book() const { return book_; }

    // Returns when all that is wanted has had an answer, a failure included, or after `limit`, or
    // with stop(). May outlive the Names.
    boost::asio::awaitable<void> settled(Clock::duration limit);

    // For good: nothing is asked and no change reported any more. What is known stays readable.
    void stop();

private:
    void work();
    void take(const Question& question, const Answer& answer);
    void report(const std::vector<Question>& changed);
    void wake_if_settled();

    boost::asio::io_context& io_;
    const OnChange on_change_;
    NameBook book_;
    Resolver resolver_;
    boost::asio::steady_timer alarm_;
    std::set<Question> changed_;                                     // not yet reported
    std::vector<std::weak_ptr<boost::asio::steady_timer>> waiting_;  // of settled()
    std::shared_ptr<int> alive_ = std::make_shared<int>();           // until stop()
};

}  // namespace ringway::proxy

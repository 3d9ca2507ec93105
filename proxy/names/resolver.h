// Asks DNS. The rules of each kind of question:
//
// - Addresses: the hosts file (hosts(5)) first, with a TTL of 0, so that a change of it is noticed
//   as soon as the least TTL allows. Then A and AAAA records, by the settings' family, at once. One
//   family may fail without loss of the other's addresses (Records::lacks_v4, lacks_v6).
// - Services: SRV records.
// - The search list and "ndots" of resolv.conf(5) count, as for other programs of the machine. The
//   next candidate is asked for where one does not exist or has no such records; any other failure
//   is the answer.
// - A nameserver that fails or refuses is passed over for the next. c-ares doubles the timeout for
//   each further attempt at all of them.
//
// Lives on one io_context: every call, and every callback, on its thread. Never waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>

#include <boost/asio/io_context.hpp>

#include "conf/sources.h"
#include "proxy/names/channel.h"
#include "proxy/names/question.h"

namespace ringway::proxy {

class Resolver {
public:
    // Called from the io_context, never from within a call on the Resolver; may call it, and may
    // destroy it.
    using OnAnswer = std::function<void(Answer)>;

    explicit Resolver(boost::asio::io_context& io) : io_(io) {}
    ~Resolver() { stop(); }
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // From now on; without it the defaults count. resolv.conf(5) is read again. Questions under way
    // are asked again, from their beginning.
    void set(const conf::DnsSettings& settings);

    // Each question has its answer in the end: all that is asked has a timeout.
    void ask(Question question, OnAnswer on_answer);

    // For good: nothing is asked, and nothing called back any more.
    void stop();

private:
    struct Lookup;
    using LookupPtr = std::shared_ptr<Lookup>;
    enum class Attempt : std::uint8_t { first, again, for_reason };

    void open();
    void start(const LookupPtr& lookup);
    void ask_next(const LookupPtr& lookup);
    void query(const LookupPtr& lookup, std::size_t part, Attempt attempt);
    void take(const LookupPtr& lookup, std::size_t part, Answer answer);
    void conclude(const LookupPtr& lookup);
    void finish(const LookupPtr& lookup, Answer answer);

    boost::asio::io_context& io_;
    conf::DnsSettings settings_;
    std::unique_ptr<Channel> channel_;
    std::unique_ptr<Channel> reasons_;  // asked why a query has failed, where c-ares forgets it
    std::set<LookupPtr> lookups_;       // under way
    std::shared_ptr<int> alive_ = std::make_shared<int>();  // until stop()
};

}  // namespace ringway::proxy

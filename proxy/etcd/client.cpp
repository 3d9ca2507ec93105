#include "proxy/etcd/client.h"

#include <deque>
#include <string_view>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ringway::proxy {

namespace {

namespace asio = boost::asio;
using Kind = EtcdError::Kind;

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t waiting_max = 10'000;  // calls
constexpr int compactions_max = 3;           // of one range

// Whether another member may give another answer.
bool is_of_member(Kind kind) {
    switch (kind) {
        case Kind::no_answer:
        case Kind::malformed:
        case Kind::unavailable:
        case Kind::token_refused:
        case Kind::auth_disabled:
        case Kind::future:
            return true;
        default:
            return false;
    }
}

EtcdError closed() {
    return {Kind::closed, "the client is closed"};
}

}  // namespace

struct EtcdClient::Core {
    explicit Core(std::shared_ptr<EtcdAccess> all) : access(std::move(all)) {}

    const std::shared_ptr<EtcdAccess> access;
    std::shared_ptr<EtcdConnection> connection{};
    std::size_t endpoint = 0;  // of the connection; that last answered
    bool is_closed = false;
    bool is_busy = false;                                       // with a call
    std::deque<std::shared_ptr<asio::steady_timer>> waiting{};  // calls; cancelled at their turn
};

// A call's right to the connection, given up at its end.
class EtcdClient::Turn {
public:
    explicit Turn(std::shared_ptr<Core> core) : core_(std::move(core)) { core_->is_busy = true; }
    ~Turn() {
        core_->is_busy = false;
        if (core_->waiting.empty()) return;
        core_->is_busy = true;
        const auto next = std::move(core_->waiting.front());
        core_->waiting.pop_front();
        next->cancel();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

private:
    const std::shared_ptr<Core> core_;
};

EtcdClient::EtcdClient(asio::io_context& io, conf::EtcdSettings settings, EtcdTools tools,
                       EtcdLimits limits)
    : core_(std::make_shared<Core>(
          std::make_shared<EtcdAccess>(io, std::move(settings), std::move(tools), limits))) {}

EtcdClient::~EtcdClient() {
    core_->is_closed = true;
    if (core_->connection) core_->connection->close();
}

const std::shared_ptr<EtcdAccess>& EtcdClient::access() const {
    return core_->access;
}

EtcdClient::Call<std::string> EtcdClient::ask_one(std::shared_ptr<Core> core, std::size_t endpoint,
                                                  EtcdRequest request) {
    EtcdAccess& access = *core->access;
    const TimePoint until = Clock::now() + access.limits().attempt;
    for (;;) {
        const bool is_kept =
            core->connection && core->connection->is_open() && core->endpoint == endpoint;
        if (!is_kept) {
            if (core->connection) core->connection->close();
            core->connection = std::make_shared<EtcdConnection>(access.io());
            core->endpoint = endpoint;
            const auto connected = co_await core->connection->connect(access.endpoints()[endpoint],
                                                                      access.tools(), until);
            if (core->is_closed) co_return closed();
            if (!connected) co_return connected.error();
        }
        const std::shared_ptr<EtcdConnection> connection = core->connection;
        auto answer = co_await access.ask(*connection, request, until);
        if (core->is_closed) co_return closed();
        // The member may have closed the connection while it was not used.
        if (!answer && is_kept && connection->was_cut_off()) continue;
        co_return answer;
    }
}

EtcdClient::Call<std::string> EtcdClient::ask(std::shared_ptr<Core> core, std::string_view path,
                                              std::string body) {
    if (core->is_closed) co_return closed();
    if (core->is_busy) {
        if (core->waiting.size() >= waiting_max) {
            co_return EtcdError{Kind::refused, "too many calls at once"};
        }
        auto timer = std::make_shared<asio::steady_timer>(core->access->io());
        timer->expires_at(TimePoint::max());
        core->waiting.push_back(timer);
        co_await timer->async_wait(use_tuple);
    }
    const Turn turn(core);
    EtcdError failed{Kind::no_answer, "no endpoints"};
    const auto& endpoints = core->access->endpoints();
    const std::size_t first = core->endpoint;
    for (std::size_t i = 0; i < endpoints.size() && !core->is_closed; ++i) {
        const std::size_t endpoint = (first + i) % endpoints.size();
        EtcdRequest request{std::string(path), body};
        auto answer = co_await ask_one(core, endpoint, std::move(request));
        if (answer || !is_of_member(answer.error().kind)) co_return answer;
        const std::string why = endpoints[endpoint].text + ": " + answer.error().text;
        failed = {answer.error().kind, i == 0 ? why : failed.text + "; " + why};
    }
    if (core->is_closed) co_return closed();
    // The next call begins with another one.
    if (!endpoints.empty()) core->endpoint = (first + 1) % endpoints.size();
    co_return failed;
}

EtcdClient::Call<EtcdSnapshot> EtcdClient::range_of(std::shared_ptr<Core> core,
                                                    std::string prefix) {
    for (int attempt = 1;; ++attempt) {
        RangeReader reader(prefix, core->access->limits().page_keys);
        for (;;) {
            std::string body = reader.request();
            const auto answer = co_await ask(core, etcd_path::range, std::move(body));
            const auto done = answer ? reader.take(*answer) : EtcdResult<bool>(answer.error());
            if (done && !*done) continue;
            if (done) co_return std::move(reader.snapshot());
            if (done.error().kind != Kind::compacted || attempt == compactions_max) {
                co_return done.error();
            }
            break;
        }
    }
}

EtcdClient::Call<void> EtcdClient::change(std::shared_ptr<Core> core, std::string_view path,
                                          std::string body) {
    const auto answer = co_await ask(std::move(core), path, std::move(body));
    if (!answer) co_return answer.error();
    const auto header = parse_header(*answer);
    if (!header) co_return header.error();
    co_return EtcdResult<void>();
}

EtcdClient::Call<EtcdLease> EtcdClient::grant_of(std::shared_ptr<Core> core, std::string body) {
    const auto answer = co_await ask(std::move(core), etcd_path::grant, std::move(body));
    if (!answer) co_return answer.error();
    co_return parse_lease(*answer);
}

EtcdClient::Call<EtcdLease> EtcdClient::keep_of(std::shared_ptr<Core> core, std::string body) {
    const auto answer = co_await ask(std::move(core), etcd_path::keep_alive, std::move(body));
    if (!answer) {
        if (answer.error().kind == Kind::lease_not_found) co_return EtcdLease{};
        co_return answer.error();
    }
    co_return parse_kept(*answer);
}

EtcdClient::Call<void> EtcdClient::revoke_of(std::shared_ptr<Core> core, std::string body) {
    auto done = co_await change(std::move(core), etcd_path::revoke, std::move(body));
    if (!done && done.error().kind == Kind::lease_not_found) co_return EtcdResult<void>();
    co_return done;
}

EtcdClient::Call<EtcdSnapshot> EtcdClient::range(std::string prefix) {
    return range_of(core_, std::move(prefix));
}

EtcdClient::Call<void> EtcdClient::put(std::string_view key, std::string_view value,
                                       std::int64_t lease) {
    return change(core_, etcd_path::put, put_request(key, value, lease));
}

EtcdClient::Call<void> EtcdClient::remove(std::string_view key) {
    return change(core_, etcd_path::remove, remove_request(key));
}

EtcdClient::Call<EtcdLease> EtcdClient::grant(std::chrono::seconds ttl) {
    return grant_of(core_, grant_request(ttl));
}

EtcdClient::Call<EtcdLease> EtcdClient::keep_alive(std::int64_t id) {
    return keep_of(core_, lease_request(id));
}

EtcdClient::Call<void> EtcdClient::revoke(std::int64_t id) {
    return revoke_of(core_, lease_request(id));
}

}  // namespace ringway::proxy

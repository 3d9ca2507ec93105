// This replica's part in its fleet: what it publishes, and what of the others counts here.
#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "conf/difference.h"
#include "proxy/control/control.h"
#include "proxy/version.h"
#include "ring/analysis.h"
#include "ring/hash.h"

namespace ringway::proxy {

namespace asio = boost::asio;

namespace {

// For the others to know that this replica leaves, before it ends anyway.
constexpr std::chrono::milliseconds leave_limit{500};

// For the votes of a fleet that a reload has set up anew: the time of a lease.
constexpr std::chrono::seconds handover_limit{5};

// Rings that change within so long are told in one report.
constexpr std::chrono::milliseconds report_delay{100};

// For the first answer of a member of etcd.
constexpr std::chrono::milliseconds settle_step{10};

// In hexadecimal digits.
std::string settings_fingerprint(const conf::Config& config) {
    std::string text;
    for (const std::uint8_t byte : ring::sha256({conf::all_entries(config)})) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

}  // namespace

// The one that `next` wants joins before the one that serves leaves.
asio::awaitable<void> Control::prepare_fleet(const conf::Config& next, const EtcdTlsClients& tls,
                                             TimePoint until) {
    next_fleet_.reset();
    if (!next.fleet) co_return;
    conf::FleetSettings settings = *next.fleet;
    if (settings.name.empty()) settings.name = asio::ip::host_name();
    // Its files have been read again.
    if (fleet_ && fleet_->settings() == settings && !settings.etcd.tls) {
        next_fleet_ = fleet_;
        co_return;
    }
    const auto client = tls.find("");
    const auto told = std::make_shared<Fleet*>(nullptr);
    EtcdTools tools{
        .resolve = [this](const std::string& host,
                          EtcdTools::Resolved then) { sources_.resolve(host, std::move(then)); },
        .tls = client == tls.end() ? nullptr : client->second};
    next_fleet_ =
        std::make_shared<Fleet>(io_, settings, std::move(tools), events_,
                                Fleet::Told{.verdicts =
                                                [this, told](const std::set<std::string>* pools) {
                                                    if (*told == fleet_.get())
                                                        pools_.judge_soon(pools);
                                                },
                                            .words =
                                                [this, told](const Overrides& words) {
                                                    if (*told == fleet_.get())
                                                        pools_.set_fleet(words);
                                                }});
    *told = next_fleet_.get();
    asio::steady_timer pause(io_);
    while (!next_fleet_->is_settled() && Clock::now() < until) {
        pause.expires_after(settle_step);
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

// Its words count from the first ring on.
void Control::adopt_fleet(const conf::Config& next) {
    settings_fingerprint_ = next.fleet ? settings_fingerprint(next) : "";
    if (fleet_ == next_fleet_) {
        next_fleet_.reset();
        return;
    }
    const bool goes_on = fleet_ && next_fleet_ && fleet_->settings() == next_fleet_->settings();
    if (fleet_ && next_fleet_) next_fleet_->inherit(*fleet_);
    if (fleet_ && !goes_on) asio::co_spawn(io_, leave_fleet(fleet_, next_fleet_), asio::detached);
    fleet_ = std::move(next_fleet_);
    pools_.set_fleet(fleet_ ? fleet_->view().words() : Overrides());
    pools_.set_fleet_health(fleet_health());
    report_to_fleet_soon();
}

// The votes of the one that leaves count until those of `next` do, if there is one.
asio::awaitable<void> Control::leave_fleet(std::shared_ptr<Fleet> fleet,
                                           std::shared_ptr<Fleet> next) {
    asio::steady_timer pause(co_await asio::this_coro::executor);
    const TimePoint until = Clock::now() + handover_limit;
    while (next && !next->is_published() && Clock::now() < until) {
        pause.expires_after(settle_step);
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_await fleet->leave(leave_limit);
}

Pools::FleetHealth Control::fleet_health() {
    if (!fleet_) return {};
    Pools::FleetHealth hooks;
    hooks.condition = [this](std::string_view pool, std::string_view id, health::Condition own) {
        return fleet_->condition(pool, id, std::move(own));
    };
    hooks.report = [this](const std::string& pool, ChecksReport report) {
        fleet_->publish_checks(pool, std::move(report));
    };
    hooks.down = [this](std::string_view pool) { return fleet_->view().down(pool); };
    hooks.first_checked = [this] { report_to_fleet_soon(); };
    return hooks;
}

void Control::report_to_fleet_soon() {
    if (!fleet_ || std::exchange(reports_soon_, true)) return;
    report_timer_.expires_after(report_delay);
    report_timer_.async_wait([this](const boost::system::error_code& error) {
        reports_soon_ = false;
        if (!error && fleet_ && !draining_) report_to_fleet();
    });
}

void Control::report_to_fleet() {
    ReplicaReport report{
        .version = std::string(version),
        .started_s =
            std::chrono::duration_cast<std::chrono::seconds>(started_at_by_wall_.time_since_epoch())
                .count(),
        .generation = status_.generation,
        .file = status_.fingerprint,
        .settings = settings_fingerprint_,
        .health =
            fleet_->settings().health == conf::FleetSettings::Health::own ? "own" : "majority"};
    pools_.report_checks();
    std::set<std::string, std::less<>> names;
    for (const auto& [name, pool] : pools_.all()) {
        names.insert(name);
        report.pools.emplace(name, ReplicaReport::OfPool{ring::fingerprint(*pool.ring->snapshot()),
                                                         pool.servers.size(), pool.online()});
    }
    fleet_->publish(std::move(report));
    fleet_->keep_pools(names);
}

}  // namespace ringway::proxy

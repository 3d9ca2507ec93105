// Whether connections of pools fail on this machine: seen in counts and checks, told in the
// log, the events and the state of the pool. health::LocalFaults decides.
#include <string>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "health/source.h"
#include "proxy/control/pools.h"

namespace ringway::proxy {

namespace {

using health::LocalFault;

constexpr std::chrono::seconds look_every{1};
constexpr std::chrono::minutes warn_every{1};

// The cause, for people.
std::string cause_of(const conf::ConnectSettings& connect, LocalFault fault) {
    switch (fault) {
        case LocalFault::none:
            break;
        case LocalFault::no_address: {
            std::string sources;
            for (const auto* source : {&connect.source_v4, &connect.source_v6}) {
                if (!*source) continue;
                sources += (sources.empty() ? "" : " or ") + health::address_text(**source);
            }
            // Dials that were under way when the file changed.
            if (sources.empty()) return "a source address was not here";
            return fmt::format("no address {} here", sources);
        }
        case LocalFault::no_port:
            return "no local port is free";
        case LocalFault::no_resources:
            return "no descriptors or memory left";
    }
    return "";
}

std::uint64_t dials(const health::LocalSigns& signs) {
    std::uint64_t all = 0;
    for (const std::uint64_t of_fault : signs.failed) all += of_fault;
    return all;
}

health::LocalSigns signs_of(const PerWorker<PoolCounts>& counts) {
    health::LocalSigns signs;
    for (const PoolCounts& one : counts) {
        signs.dials_out += one.picks.value() + one.failed_dials.value();
        for (std::size_t i = 0; i < signs.failed.size(); ++i) {
            signs.failed[i] += one.local_failures[i].value();
        }
    }
    return signs;
}

}  // namespace

void Pools::watch_local_faults() {
    look_.expires_after(look_every);
    look_.async_wait([this](const boost::system::error_code& error) {
        if (error || stopped_) return;
        look_for_local_faults();
        watch_local_faults();
    });
}

std::optional<std::string> Pools::local_fault(const Pool& pool) const {
    const LocalFault fault = pool.local.fault();
    if (fault == LocalFault::none) return std::nullopt;
    return cause_of(pool.settings.connect, fault);
}

// A pool that comes back has the counts that it left with.
void Pools::forgive_local_faults(Pool& pool) {
    pool.local_signs = signs_of(*pool.counts);
    pool.local.forgive(pool.local_signs);
    pool.local_failures_logged = dials(pool.local_signs);
}

void Pools::look_for_local_faults() {
    const std::uint64_t not_run = checker_.not_run();
    const bool checks_failed = not_run != std::exchange(checks_not_run_, not_run);
    for (auto& [name, pool] : pools_) look_for_local_faults(name, pool, checks_failed);
    if (checks_failed) warn_of_checks(not_run);
}

// The servers are looked at only where some check could not run since the last look, or
// there is a fault that may be over.
void Pools::look_for_local_faults(const std::string& name, Pool& pool, bool checks_failed) {
    const LocalFault before = pool.local_fault_told;
    health::LocalSigns signs = signs_of(*pool.counts);
    if (checks_failed || before != LocalFault::none || pool.local_signs.checks_no_address > 0) {
        for (const auto& [id, server] : pool.servers) {
            const auto view = health(name, id);
            if (!view || (!view->checked && view->not_run == 0)) continue;
            if (view->not_run_by == LocalFault::none) ++signs.checks_out;
            if (view->not_run_by == LocalFault::no_address) ++signs.checks_no_address;
        }
    }
    pool.local_signs = signs;
    const TimePoint now = Clock::now();
    const LocalFault fault = pool.local.judge(signs, now);
    pool.local_fault_told = fault;
    const std::uint64_t new_failures = dials(signs) - pool.local_failures_logged;
    if (fault != before && fault != LocalFault::none) {
        const std::string cause = cause_of(pool.settings.connect, fault);
        spdlog::warn("pool {}: no connection can leave this machine: {}", name, cause);
        events_.add(Event::Kind::local_fault, name, "", cause);
    } else if (fault != before) {
        spdlog::info("pool {}: connections can leave this machine again", name);
        events_.add(Event::Kind::local_fault_over, name, "", "");
    } else if (new_failures == 0 || now - pool.local_failures_logged_at < warn_every) {
        return;
    } else {
        std::size_t most = 1;
        for (std::size_t i = 1; i < signs.failed.size(); ++i) {
            if (signs.failed[i] > signs.failed[most]) most = i;
        }
        spdlog::warn("pool {}: {} dials failed on this machine: {}", name, new_failures,
                     cause_of(pool.settings.connect, static_cast<LocalFault>(most)));
    }
    pool.local_failures_logged = dials(signs);
    pool.local_failures_logged_at = now;
}

// At most once a minute, with the cause of one of them.
void Pools::warn_of_checks(std::uint64_t not_run) {
    const TimePoint now = Clock::now();
    if (now - checks_not_run_logged_at_ < warn_every) return;
    for (const auto& [name, pool] : pools_) {
        for (const auto& [id, server] : pool.servers) {
            const auto view = health(name, id);
            if (!view || view->not_run_why.empty()) continue;
            spdlog::warn("{} checks could not run on this machine, of pool {} server {}: {}",
                         not_run - checks_not_run_logged_, name, id, view->not_run_why);
            checks_not_run_logged_ = not_run;
            checks_not_run_logged_at_ = now;
            return;
        }
    }
}

}  // namespace ringway::proxy

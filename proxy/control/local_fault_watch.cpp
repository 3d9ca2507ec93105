#include "proxy/control/local_fault_watch.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "health/source.h"

namespace ringway::proxy {

namespace {

using health::LocalFault;

constexpr std::chrono::minutes warn_every{1};

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

std::uint64_t failures(const health::LocalSigns& signs) {
    std::uint64_t all = 0;
    for (const std::uint64_t of_fault : signs.failed) all += of_fault;
    return all;
}

LocalFault most_often(const health::LocalSigns& signs) {
    std::size_t most = 1;
    for (std::size_t i = 1; i < signs.failed.size(); ++i) {
        if (signs.failed[i] > signs.failed[most]) most = i;
    }
    return static_cast<LocalFault>(most);
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

void LocalFaultWatch::forgive(const PerWorker<PoolCounts>& counts) {
    const health::LocalSigns signs = signs_of(counts);
    last_no_address_ = false;
    faults_.forgive(signs);
    failures_logged_ = failures(signs);
}

std::optional<std::string> LocalFaultWatch::cause(const conf::Pool& pool) const {
    if (fault() == LocalFault::none) return std::nullopt;
    return cause_of(pool.connect, fault());
}

void LocalFaultWatch::look(const conf::Pool& pool, const PerWorker<PoolCounts>& counts,
                           Checks checks, TimePoint now, Events& events) {
    health::LocalSigns signs = signs_of(counts);
    signs.checks_out = checks.out;
    signs.checks_no_address = checks.no_address;
    last_no_address_ = checks.no_address > 0;
    const LocalFault fault = faults_.judge(signs, now);
    const LocalFault before = std::exchange(reported_, fault);
    const std::uint64_t new_failures = failures(signs) - failures_logged_;
    if (fault != before && fault != LocalFault::none) {
        const std::string reason = cause_of(pool.connect, fault);
        spdlog::warn("pool {}: no connection can leave this machine: {}", pool.name, reason);
        events.add(Event::Kind::local_fault, pool.name, "", reason);
    } else if (fault != before) {
        spdlog::info("pool {}: connections can leave this machine again", pool.name);
        events.add(Event::Kind::local_fault_over, pool.name, "", "");
    } else if (new_failures == 0 || now - failures_logged_at_ < warn_every) {
        return;
    } else {
        spdlog::warn("pool {}: {} dials failed on this machine: {}", pool.name, new_failures,
                     cause_of(pool.connect, most_often(signs)));
    }
    failures_logged_ = failures(signs);
    failures_logged_at_ = now;
}

}  // namespace ringway::proxy

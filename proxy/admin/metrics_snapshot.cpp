#include "proxy/admin/metrics_snapshot.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>

#include "proxy/admin/certificates.h"
#include "proxy/admin/report_sources.h"
#include "proxy/base/presentable.h"
#include "proxy/control/control.h"

namespace ringway::proxy {

namespace {

template <class Duration>
double to_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Since Linux 6.2 the folder's size is the number; on older kernels they are counted.
std::uint64_t open_descriptors() {
    struct stat folder {};
    if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) {
        return static_cast<std::uint64_t>(folder.st_size);
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir("/proc/self/fd"), ::closedir);
    std::uint64_t count = 0;
    while (all && ::readdir(all.get()) != nullptr) ++count;
    return count > 3 ? count - 3 : 0;  // ".", ".." and the folder itself
}

ProcessMetrics process_metrics(const Control& control) {
    ProcessMetrics numbers;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    numbers.cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    numbers.started_at_s = to_seconds(control.started_at().time_since_epoch());
    numbers.open_descriptors = open_descriptors();
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    numbers.max_descriptors = limit.rlim_cur;
    std::uint64_t virtual_pages = 0;
    std::uint64_t resident_pages = 0;
    std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;  // proc(5)
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    numbers.virtual_bytes = virtual_pages * page_bytes;
    numbers.resident_bytes = resident_pages * page_bytes;
    return numbers;
}

// `between`: the difference between the steady clock and the wall clock.
CheckMetrics check_metrics(const health::View& view, std::chrono::duration<double> between) {
    CheckMetrics numbers{
        .passed = view.all_passed, .failed = view.all_failed, .not_run = view.not_run};
    if (view.checked) {
        numbers.last_at_s = to_seconds(view.last_probe.time_since_epoch() + between);
        numbers.last_took_s = to_seconds(view.last_took);
    }
    return numbers;
}

ServerMetrics server_metrics(const Pool& pool, const std::string& id, const PoolServer& server) {
    const auto& counts = *server.counts;
    ServerMetrics numbers;
    numbers.server = presentable(id);
    numbers.online = pool.ring->is_online(id);
    numbers.weight = server.desired.weight;
    numbers.max_connections = server.desired.max_connections;
    numbers.share = pool.ring->figures().share(id).value_or(0);
    for (const ServerCounts& one : counts) {
        numbers.active += one.active.value();
        numbers.total += one.total.value();
        numbers.bytes_up += one.bytes_up.value();
        numbers.bytes_down += one.bytes_down.value();
        numbers.refused += one.refused.value();
        numbers.timed_out += one.timed_out.value();
        numbers.unreachable += one.unreachable.value();
        numbers.tls_failed += one.tls_failed.value();
        numbers.failed_otherwise += one.failed_otherwise.value();
        numbers.local_failures += one.local_failures.value();
    }
    return numbers;
}

PoolMetrics pool_metrics(const std::string& name, const Pool& pool) {
    PoolMetrics numbers;
    numbers.pool = name;
    numbers.servers = pool.servers.size();
    numbers.online = pool.online();
    numbers.points = pool.ring->snapshot()->point_count();
    numbers.panics = pool.panics;
    numbers.local_fault = pool.local.fault() != health::LocalFault::none;
    for (const PoolCounts& one : pool.counts()) {
        numbers.picks += one.picks.value();
        numbers.spills_full += one.spills_full.value();
        numbers.spills_failed += one.spills_failed.value();
        numbers.fallbacks_down += one.fallbacks_down.value();
        numbers.fallbacks_full += one.fallbacks_full.value();
        for (std::size_t i = 0; i < numbers.local_failures.size(); ++i) {
            numbers.local_failures[i] += one.local_failures[i].value();
        }
        numbers.tls_full += one.tls_handshakes.value() - one.tls_resumed.value();
        numbers.tls_resumed += one.tls_resumed.value();
        numbers.connect_times.add(one.connect_times);
        numbers.sessions.add(one.sessions);
    }
    numbers.peak_to_average = pool.ring->figures().peak_to_average();
    numbers.moved_last_change = pool.ring->figures().moved_last_change();
    return numbers;
}

ListenerMetrics listener_metrics(const std::string& name, const Listener& listener) {
    ListenerMetrics numbers;
    numbers.listener = name;
    for (const ListenerCounts& one : *listener.counts) {
        numbers.accepted += one.accepted.value();
        numbers.active += one.active.value();
        numbers.refused += one.refused.value();
        numbers.placed_by_source_ip += one.placed_by_source_ip.value();
        numbers.placed_at_random += one.placed_at_random.value();
        numbers.tls_full += one.tls_handshakes.value() - one.tls_resumed.value();
        numbers.tls_resumed += one.tls_resumed.value();
        for (std::size_t i = 0; i < close_reason_count; ++i) numbers.ends[i] += one.ends[i].value();
    }
    return numbers;
}

CertificateMetrics certificate_metrics(const CertificateInUse& used) {
    const Certificate& certificate = *used.certificate;
    const auto& names = certificate.names;
    return {.listener = used.listener,
            .pool = used.pool,
            .name = names.empty() ? "" : presentable(names.front()),
            .file = presentable(certificate.file),
            .expires_at_s = static_cast<double>(certificate.expires()),
            .ocsp_until_s = static_cast<double>(certificate.ocsp_until)};
}

void add_source_metrics(const Control& control, const Pool& pool, MetricsSnapshot& numbers) {
    for (const SourceView& view : control.sources().views_of(pool.settings)) {
        SourceMetrics& row = numbers.sources.emplace_back();
        row.pool = pool.settings.name;
        row.source = to_string(view.source);
        row.servers = view.servers;
        row.up = !problem_of(control, pool, view);
        if (view.answered_at) row.age_s = to_seconds(Clock::now() - *view.answered_at);
    }
}

FleetMetrics fleet_metrics(const Fleet& fleet) {
    return {.agrees = fleet.agrees(),
            .replicas = fleet.view().replicas().size(),
            .etcd_up = fleet.state().kind == MirrorState::Kind::in_sync,
            .health_in_force = fleet.is_in_force()};
}

LoopMetrics loop_metrics(std::string name, const Histogram<delay_bounds_us>& delays) {
    LoopMetrics numbers{.loop = std::move(name)};
    numbers.delays.add(delays);
    return numbers;
}

}  // namespace

MetricsSnapshot metrics_snapshot(const Control& control) {
    MetricsSnapshot numbers;
    for (const auto& [name, listener] : control.listeners().all()) {
        numbers.listeners.push_back(listener_metrics(name, listener));
    }
    for (const CertificateInUse& used : certificates_in_use(control)) {
        numbers.certificates.push_back(certificate_metrics(used));
    }
    const std::chrono::duration<double> between =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()) -
        std::chrono::duration<double>(Clock::now().time_since_epoch());
    for (const auto& [name, pool] : control.pools().all()) {
        numbers.pools.push_back(pool_metrics(name, pool));
        add_source_metrics(control, pool, numbers);
        for (const auto& [id, server] : pool.servers) {
            ServerMetrics& row = numbers.servers.emplace_back(server_metrics(pool, id, server));
            row.pool = name;
            if (const auto view = server.health.checks()) {
                row.checks = check_metrics(*view, between);
            }
        }
    }
    if (const auto& fleet = control.fleet()) numbers.fleet = fleet_metrics(*fleet);
    const NameBook& names = control.sources().book();
    numbers.dns_answers = names.counts();
    numbers.dns_names = names.size();
    numbers.dns_names_failing = names.failing();
    numbers.loops.push_back(loop_metrics("control", control.loop_delays()));
    for (std::size_t i = 0; i < control.worker_count(); ++i) {
        numbers.loops.push_back(
            loop_metrics("worker-" + std::to_string(i), control.worker(i).loop_delays()));
    }
    numbers.process = process_metrics(control);
    numbers.workers = control.worker_count();
    numbers.max_connections = control.max_connections();
    const ConfigStatus& config = control.config_status();
    numbers.generation = config.generation;
    numbers.reloads_ok = config.reloads - config.failed_reloads;
    numbers.reloads_refused = config.failed_reloads;
    numbers.last_reload_ok = config.last_result == "ok";
    numbers.loaded_at_s = to_seconds(config.loaded_at.time_since_epoch());
    numbers.ready = !control.why_not_ready();
    numbers.leaving = control.is_leaving();
    numbers.log_lines_dropped = control.log_lines_dropped();
    return numbers;
}

}  // namespace ringway::proxy

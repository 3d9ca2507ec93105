// The metrics snapshot: every count and measurement at one moment, as plain values. Control thread
// only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "health/local_fault.h"
#include "proxy/base/histogram.h"
#include "proxy/data/close_reason.h"
#include "proxy/names/name_book.h"

namespace ringway::proxy {

class Control;

// Of the checks of one server. Times in seconds, points in time since 1970.
struct CheckMetrics {
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
    std::uint64_t not_run = 0;
    double last_at_s = 0;  // 0 before the first
    double last_took_s = 0;
};

struct ServerMetrics {
    std::string pool;
    std::string server;  // presentable
    bool online = false;
    std::uint32_t weight = 0;
    std::uint32_t max_connections = 0;  // 0 for no limit
    double share = 0;
    std::uint64_t active = 0;
    std::uint64_t total = 0;
    std::uint64_t bytes_up = 0;
    std::uint64_t bytes_down = 0;
    std::uint64_t refused = 0;  // dials that failed, by reason
    std::uint64_t timed_out = 0;
    std::uint64_t unreachable = 0;
    std::uint64_t tls_failed = 0;
    std::uint64_t failed_otherwise = 0;
    std::uint64_t local_failures = 0;
    std::optional<CheckMetrics> checks;
};

struct PoolMetrics {
    std::string pool;
    std::uint64_t servers = 0;
    std::uint64_t online = 0;
    std::uint64_t points = 0;
    bool panics = false;
    std::uint64_t picks = 0;
    std::uint64_t spills_full = 0;
    std::uint64_t spills_failed = 0;
    std::uint64_t fallbacks_down = 0;
    std::uint64_t fallbacks_full = 0;
    std::array<std::uint64_t, health::local_fault_count> local_failures{};
    std::uint64_t tls_full = 0;  // handshakes with servers
    std::uint64_t tls_resumed = 0;
    bool local_fault = false;
    double peak_to_average = 0;
    std::optional<double> moved_last_change;
    Distribution connect_times;
    Distribution sessions;
};

// Of a source of a pool's servers besides the file.
struct SourceMetrics {
    std::string pool;
    std::string source;
    std::uint64_t servers = 0;
    bool up = false;              // the last answer was good
    std::optional<double> age_s;  // none before the first that was
};

struct FleetMetrics {
    bool agrees = false;
    std::uint64_t replicas = 0;
    bool etcd_up = false;
    bool health_in_force = false;
};

struct CertificateMetrics {
    std::string listener;  // that shows it; empty if it is a pool's
    std::string pool;
    std::string name;  // the first that it is for
    std::string file;
    double expires_at_s = 0;
    double ocsp_until_s = 0;  // 0 without a response
};

struct ListenerMetrics {
    std::string listener;
    std::uint64_t accepted = 0;
    std::uint64_t active = 0;
    std::uint64_t refused = 0;
    std::uint64_t placed_by_source_ip = 0;
    std::uint64_t placed_at_random = 0;
    std::uint64_t tls_full = 0;
    std::uint64_t tls_resumed = 0;
    std::array<std::uint64_t, close_reason_count> ends{};
};

struct LoopMetrics {
    std::string loop;
    Distribution delays;
};

// The process metrics, as Prometheus' own clients define them.
struct ProcessMetrics {
    double cpu_s = 0;
    double started_at_s = 0;
    std::uint64_t open_descriptors = 0;
    std::uint64_t max_descriptors = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
};

struct MetricsSnapshot {
    std::vector<ListenerMetrics> listeners;
    std::vector<CertificateMetrics> certificates;
    std::vector<PoolMetrics> pools;
    std::vector<ServerMetrics> servers;
    std::vector<SourceMetrics> sources;
    std::optional<FleetMetrics> fleet;  // none where the proxy is in none
    AnswerCounts dns_answers;
    std::uint64_t dns_names = 0;
    std::uint64_t dns_names_failing = 0;
    std::vector<LoopMetrics> loops;
    ProcessMetrics process;
    std::uint64_t workers = 0;
    std::uint64_t max_connections = 0;
    std::uint64_t generation = 0;
    std::uint64_t reloads_ok = 0;
    std::uint64_t reloads_refused = 0;
    bool last_reload_ok = true;
    double loaded_at_s = 0;
    bool ready = false;
    bool leaving = false;
    std::uint64_t log_lines_dropped = 0;
};

MetricsSnapshot metrics_snapshot(const Control& control);

}  // namespace ringway::proxy

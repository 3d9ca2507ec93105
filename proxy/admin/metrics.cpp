#include "proxy/admin/metrics.h"

#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include <prometheus/text_serializer.h>

#include "proxy/admin/metric_families.h"
#include "proxy/version.h"

namespace ringway::proxy {

namespace {

using Listener = const ListenerMetrics&;
using Pool = const PoolMetrics&;
using Server = const ServerMetrics&;
using All = const MetricsSnapshot&;

void add_certificate_time(Makers& m, const char* name, const char* help,
                          double CertificateMetrics::*time) {
    add_family(m, {name, gauge, help}, [time](MetricFamily& family, All n) {
        for (const auto& one : n.certificates) {
            if (one.*time == 0) continue;
            const char* const user = one.listener.empty() ? "pool" : "listener";
            const std::string& of = one.listener.empty() ? one.pool : one.listener;
            add(family, {{user, of}, {"name", one.name}, {"file", one.file}}, one.*time);
        }
    });
}

void add_certificate_metrics(Makers& m) {
    add_certificate_time(m, "ringway_certificate_expiry_timestamp_seconds",
                         "When the certificate, or one of its chain, expires.",
                         &CertificateMetrics::expires_at_s);
    add_certificate_time(m, "ringway_certificate_ocsp_expiry_timestamp_seconds",
                         "When the OCSP response that is sent with it expires.",
                         &CertificateMetrics::ocsp_until_s);
}

void add_listener_metrics(Makers& m) {
    add_listener_value(m, {"ringway_listener_connections_total", counter, "Connections accepted."},
                       [](Listener l) { return l.accepted; });
    add_listener_value(m, {"ringway_listener_active_connections", gauge, "Connections open now."},
                       [](Listener l) { return l.active; });
    add_listener_value(m,
                       {"ringway_listener_connections_refused_total", counter,
                        "Connections that ended before a server had been found."},
                       [](Listener l) { return l.refused; });
    add_per_listener(m,
                     {"ringway_listener_connections_ended_total", counter,
                      "Connections that ended, by close reason."},
                     [](MetricFamily& family, Listener l) {
                         for (std::size_t i = 1; i < close_reason_count; ++i) {
                             const char* const reason = to_string(static_cast<CloseReason>(i));
                             add(family, {{"listener", l.listener}, {"reason", reason}}, l.ends[i]);
                         }
                     });
    add_per_listener(
        m,
        {"ringway_listener_placements_without_key_total", counter,
         "Connections without a key, by how they were placed (on_missing)."},
        [](MetricFamily& family, Listener l) {
            add(family, {{"listener", l.listener}, {"by", "source_ip"}}, l.placed_by_source_ip);
            add(family, {{"listener", l.listener}, {"by", "random"}}, l.placed_at_random);
        });
    add_per_listener(m,
                     {"ringway_listener_tls_handshakes_total", counter,
                      "TLS handshakes completed, by whether they resumed a session."},
                     [](MetricFamily& family, Listener l) {
                         add(family, {{"listener", l.listener}, {"resumed", "no"}}, l.tls_full);
                         add(family, {{"listener", l.listener}, {"resumed", "yes"}}, l.tls_resumed);
                     });
}

void add_pool_metrics(Makers& m) {
    add_pool_value(m, {"ringway_pool_servers", gauge, "Servers of the pool."},
                   [](Pool p) { return p.servers; });
    add_pool_value(m, {"ringway_pool_servers_online", gauge, "Servers that take new connections."},
                   [](Pool p) { return p.online; });
    add_pool_value(m, {"ringway_pool_points", gauge, "Points on the ring now."},
                   [](Pool p) { return p.points; });
    add_pool_value(m,
                   {"ringway_pool_panic", gauge,
                    "1 while so few servers are up that their states are ignored."},
                   [](Pool p) { return p.panics ? 1.0 : 0.0; });
    add_pool_value(m, {"ringway_pool_picks_total", counter, "Connections given to a server."},
                   [](Pool p) { return p.picks; });
    add_per_pool(m,
                 {"ringway_pool_spills_total", counter,
                  "Connections given to a server that does not own their key, by what was the "
                  "matter with the owner, or to the fallback, by what was with the pool."},
                 [](MetricFamily& family, Pool p) {
                     add(family, {{"pool", p.pool}, {"reason", "full"}}, p.spills_full);
                     add(family, {{"pool", p.pool}, {"reason", "connect_failed"}}, p.spills_failed);
                     add(family, {{"pool", p.pool}, {"reason", "pool_down"}}, p.fallbacks_down);
                     add(family, {{"pool", p.pool}, {"reason", "pool_full"}}, p.fallbacks_full);
                 });
    add_per_pool(m,
                 {"ringway_pool_local_dial_failures_total", counter,
                  "Dials that failed on this machine, by reason."},
                 [](MetricFamily& family, Pool p) {
                     for (std::size_t i = 1; i < p.local_failures.size(); ++i) {
                         const char* const reason = to_string(static_cast<health::LocalFault>(i));
                         add(family, {{"pool", p.pool}, {"reason", reason}}, p.local_failures[i]);
                     }
                 });
    add_pool_value(m,
                   {"ringway_pool_local_fault", gauge,
                    "1 while no connection of the pool can leave this machine."},
                   [](Pool p) { return p.local_fault ? 1.0 : 0.0; });
    add_pool_value(m,
                   {"ringway_pool_peak_to_average_ratio", gauge,
                    "The greatest share of a server, divided by its fair share; exact."},
                   [](Pool p) { return p.peak_to_average; });
    add_per_pool(m,
                 {"ringway_pool_moved_last_change_ratio", gauge,
                  "The part of all keys that the ring's last change moved; exact."},
                 [](MetricFamily& family, Pool p) {
                     if (p.moved_last_change) add(family, {{"pool", p.pool}}, *p.moved_last_change);
                 });
    add_per_pool(m,
                 {"ringway_pool_tls_handshakes_total", counter,
                  "TLS handshakes with servers completed, by whether they resumed a session."},
                 [](MetricFamily& family, Pool p) {
                     add(family, {{"pool", p.pool}, {"resumed", "no"}}, p.tls_full);
                     add(family, {{"pool", p.pool}, {"resumed", "yes"}}, p.tls_resumed);
                 });
    add_pool_value(m,
                   {"ringway_pool_connect_duration_seconds", histogram,
                    "Times from dialling a server until it answered, or until TLS was agreed."},
                   [](Pool p) -> const Distribution& { return p.connect_times; });
    add_pool_value(m,
                   {"ringway_pool_session_duration_seconds", histogram,
                    "Times from accept to the end, of connections that had a server."},
                   [](Pool p) -> const Distribution& { return p.sessions; });
}

void add_server_metrics(Makers& m) {
    add_server_value(m, {"ringway_server_up", gauge, "1 while the server takes new connections."},
                     [](Server s) { return s.online ? 1.0 : 0.0; });
    add_server_value(m, {"ringway_server_weight", gauge, "Weight of the server."},
                     [](Server s) { return static_cast<double>(s.weight); });
    add_server_value(m,
                     {"ringway_server_share_ratio", gauge, "The server's part of all keys; exact."},
                     [](Server s) { return s.share; });
    add_server_value(m,
                     {"ringway_server_max_connections", gauge,
                      "The most connections at once, 0 without a limit."},
                     [](Server s) { return static_cast<double>(s.max_connections); });
    add_server_value(m,
                     {"ringway_server_active_connections", gauge, "Connections of the server now."},
                     [](Server s) { return s.active; });
    add_server_value(
        m, {"ringway_server_connections_total", counter, "Connections given to the server."},
        [](Server s) { return s.total; });
    add_per_server(m,
                   {"ringway_server_bytes_total", counter,
                    "Bytes relayed, up to the server and down to clients."},
                   [](MetricFamily& family, Server s) {
                       const auto of = [&](const char* direction, std::uint64_t bytes) {
                           add(family,
                               {{"pool", s.pool}, {"server", s.server}, {"direction", direction}},
                               bytes);
                       };
                       of("up", s.bytes_up);
                       of("down", s.bytes_down);
                   });
    add_per_server(
        m,
        {"ringway_server_connect_failures_total", counter,
         "Dials that failed, by reason, without those that failed on this machine."},
        [](MetricFamily& family, Server s) {
            const auto of = [&](const char* reason, std::uint64_t count) {
                add(family, {{"pool", s.pool}, {"server", s.server}, {"reason", reason}}, count);
            };
            of("refused", s.refused);
            of("timeout", s.timed_out);
            of("unreachable", s.unreachable);
            of("tls", s.tls_failed);
            of("other", s.failed_otherwise);
        });
    add_server_value(m,
                     {"ringway_server_local_dial_failures_total", counter,
                      "Dials of the server that failed on this machine."},
                     [](Server s) { return s.local_failures; });
}

void add_check_metrics(Makers& m) {
    add_per_check(
        m, {"ringway_server_checks_total", counter, "Health checks, by result."},
        [](MetricFamily& family, Server s, const CheckMetrics& checks) {
            const auto of = [&](const char* result, std::uint64_t count) {
                add(family, {{"pool", s.pool}, {"server", s.server}, {"result", result}}, count);
            };
            of("passed", checks.passed);
            of("failed", checks.failed);
            of("not_run", checks.not_run);
        });
    add_per_check(m,
                  {"ringway_server_last_check_timestamp_seconds", gauge,
                   "When the last check ended; 0 before the first."},
                  [](MetricFamily& family, Server s, const CheckMetrics& checks) {
                      add(family, {{"pool", s.pool}, {"server", s.server}}, checks.last_at_s);
                  });
    add_per_check(
        m, {"ringway_server_last_check_duration_seconds", gauge, "How long the last check took."},
        [](MetricFamily& family, Server s, const CheckMetrics& checks) {
            add(family, {{"pool", s.pool}, {"server", s.server}}, checks.last_took_s);
        });
}

void add_program_metrics(Makers& m) {
    add_family(m, {"ringway_build_info", gauge, "Always 1; the version is a label."},
               [](MetricFamily& family, All) {
                   add(family, {{"version", version}}, 1.0);
               });
    add_single(m, {"ringway_ready", gauge, "1 while /readyz reports ready."},
               [](All n) { return n.ready ? 1 : 0; });
    add_single(m, {"ringway_draining", gauge, "1 from SIGTERM on, drain_delay included."},
               [](All n) { return n.leaving ? 1 : 0; });
    add_single(m, {"ringway_workers", gauge, "Data threads."}, [](All n) { return n.workers; });
    add_single(
        m,
        {"ringway_max_connections", gauge, "The most connections at once that descriptors allow."},
        [](All n) { return n.max_connections; });
    add_single(m, {"ringway_config_generation", gauge, "Generation of the configuration in use."},
               [](All n) { return n.generation; });
    add_family(m, {"ringway_config_reloads_total", counter, "Reloads requested."},
               [](MetricFamily& family, All n) {
                   add(family, {{"result", "ok"}}, n.reloads_ok);
                   add(family, {{"result", "refused"}}, n.reloads_refused);
               });
    add_single(
        m, {"ringway_config_last_reload_successful", gauge, "0 where the last reload was refused."},
        [](All n) { return n.last_reload_ok ? 1 : 0; });
    add_single(m,
               {"ringway_config_last_reload_success_timestamp_seconds", gauge,
                "When the configuration in use was loaded."},
               [](All n) { return n.loaded_at_s; });
    add_single(m,
               {"ringway_log_lines_dropped_total", counter,
                "Log lines lost because the log's target was too slow or full."},
               [](All n) { return n.log_lines_dropped; });
    add_family(m,
               {"ringway_loop_delay_seconds", histogram,
                "How late a timer fired on a thread's loop, measured five times a second."},
               [](MetricFamily& family, All n) {
                   for (const auto& one : n.loops) add(family, {{"loop", one.loop}}, one.delays);
               });
}

void add_process_metrics(Makers& m) {
    add_single(m, {"process_cpu_seconds_total", counter, "Total user and system CPU time spent."},
               [](All n) { return n.process.cpu_s; });
    add_single(m, {"process_start_time_seconds", gauge, "Start time since the epoch."},
               [](All n) { return n.process.started_at_s; });
    add_single(m, {"process_open_fds", gauge, "Number of open file descriptors."},
               [](All n) { return n.process.open_descriptors; });
    add_single(m, {"process_max_fds", gauge, "Maximum number of open file descriptors."},
               [](All n) { return n.process.max_descriptors; });
    add_single(m, {"process_resident_memory_bytes", gauge, "Resident memory size."},
               [](All n) { return n.process.resident_bytes; });
    add_single(m, {"process_virtual_memory_bytes", gauge, "Virtual memory size."},
               [](All n) { return n.process.virtual_bytes; });
}

template <class Add>
void add_per_source(Makers& m, const Name& name, Add add_one) {
    add_family(m, name, [add_one](MetricFamily& family, All n) {
        for (const SourceMetrics& one : n.sources) add_one(family, one);
    });
}

void add_source_metrics(Makers& m) {
    using Source = const SourceMetrics&;
    add_per_source(m, {"ringway_source_servers", gauge, "Servers that the source names."},
                   [](MetricFamily& family, Source s) {
                       add(family, {{"pool", s.pool}, {"source", s.source}}, s.servers);
                   });
    add_per_source(m, {"ringway_source_up", gauge, "1 while the source's last answer was good."},
                   [](MetricFamily& family, Source s) {
                       add(family, {{"pool", s.pool}, {"source", s.source}}, s.up ? 1.0 : 0.0);
                   });
    add_per_source(m,
                   {"ringway_source_age_seconds", gauge,
                    "Time since the source was last known to name these servers."},
                   [](MetricFamily& family, Source s) {
                       if (!s.age_s) return;
                       add(family, {{"pool", s.pool}, {"source", s.source}}, *s.age_s);
                   });
}

const char* result_of(NoRecords reason) {
    switch (reason) {
        case NoRecords::no_such_name:
            return "no_such_name";
        case NoRecords::none_of_type:
            return "none_of_type";
        case NoRecords::server_failure:
            return "server_failure";
        case NoRecords::refused:
            return "refused";
        case NoRecords::timed_out:
            return "timed_out";
        case NoRecords::unreachable:
            return "unreachable";
        case NoRecords::malformed:
            return "malformed";
    }
    return "unknown";
}

void add_dns_metrics(Makers& m) {
    add_family(m, {"ringway_dns_answers_total", counter, "Answers to DNS questions, by result."},
               [](MetricFamily& family, All n) {
                   add(family, {{"result", "records"}}, n.dns_answers.with_records);
                   for (std::size_t i = 0; i < n.dns_answers.failed.size(); ++i) {
                       const char* const result = result_of(static_cast<NoRecords>(i));
                       add(family, {{"result", result}}, n.dns_answers.failed[i]);
                   }
               });
    add_family(m,
               {"ringway_dns_names", gauge,
                "Names that are looked up, and those whose last answer was a failure."},
               [](MetricFamily& family, All n) {
                   add(family, {{"state", "all"}}, n.dns_names);
                   add(family, {{"state", "failing"}}, n.dns_names_failing);
               });
}

template <class Value>
void add_fleet_value(Makers& m, const Name& name, Value value) {
    add_family(m, name, [value](MetricFamily& family, All n) {
        if (n.fleet) add(family, {}, static_cast<double>(value(*n.fleet)));
    });
}

void add_fleet_metrics(Makers& m) {
    using Fleet = const FleetMetrics&;
    add_fleet_value(m,
                    {"ringway_fleet_agrees", gauge,
                     "1 while no replica differs from this one in its file or its rings."},
                    [](Fleet f) { return f.agrees; });
    add_fleet_value(m, {"ringway_fleet_replicas", gauge, "Replicas that are alive."},
                    [](Fleet f) { return f.replicas; });
    add_fleet_value(
        m,
        {"ringway_fleet_etcd_up", gauge, "1 while etcd has told all that it knows of the fleet."},
        [](Fleet f) { return f.etcd_up; });
    add_fleet_value(m,
                    {"ringway_fleet_health_in_force", gauge,
                     "1 while what most replicas find decides of servers, 0 while this one's own "
                     "checks do."},
                    [](Fleet f) { return f.health_in_force; });
}

Makers all_makers() {
    Makers makers;
    add_program_metrics(makers);
    add_process_metrics(makers);
    add_listener_metrics(makers);
    add_certificate_metrics(makers);
    add_pool_metrics(makers);
    add_source_metrics(makers);
    add_dns_metrics(makers);
    add_fleet_metrics(makers);
    add_server_metrics(makers);
    add_check_metrics(makers);
    return makers;
}

}  // namespace

std::function<bool(std::string& text)> metrics_of(MetricsSnapshot numbers) {
    static const Makers makers = all_makers();
    const auto shared = std::make_shared<const MetricsSnapshot>(std::move(numbers));
    return [shared, next = std::size_t{0}](std::string& text) mutable {
        std::vector<MetricFamily> family;
        family.push_back(makers[next++](*shared));
        if (!family.front().metric.empty()) {
            std::ostringstream out;
            prometheus::TextSerializer().Serialize(out, family);
            text += out.view();
        }
        return next < makers.size();
    };
}

}  // namespace ringway::proxy

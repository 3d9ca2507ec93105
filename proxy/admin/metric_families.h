// Families of metrics, made from a snapshot: the shapes that metrics.cpp fills.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

#include "proxy/admin/metrics_snapshot.h"

namespace ringway::proxy {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

inline constexpr auto counter = MetricType::Counter;
inline constexpr auto gauge = MetricType::Gauge;
inline constexpr auto histogram = MetricType::Histogram;

// The name and help text of a family.
struct Name {
    const char* name;
    MetricType type;
    const char* help;
};

inline ClientMetric& add_metric(MetricFamily& family, Labels labels) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label.reserve(labels.size());
    for (const auto& [name, value] : labels) metric.label.push_back({name, std::string(value)});
    return metric;
}

inline void add(MetricFamily& family, Labels labels, double value) {
    ClientMetric& metric = add_metric(family, labels);
    metric.counter.value = value;
    metric.gauge.value = value;
}

// Exact up to 2^53.
inline void add(MetricFamily& family, Labels labels, std::uint64_t value) {
    add(family, labels, static_cast<double>(value));
}

inline void add(MetricFamily& family, Labels labels, const Distribution& distribution) {
    auto& to = add_metric(family, labels).histogram;
    for (std::size_t i = 0; i < distribution.bounds_us.size(); ++i) {
        to.sample_count += distribution.counts[i];
        to.bucket.push_back(
            {to.sample_count, static_cast<double>(distribution.bounds_us[i]) / 1e6});
    }
    to.sample_count += distribution.counts.back();
    to.sample_sum = static_cast<double>(distribution.sum_us) / 1e6;
}

// Makes one family of the metrics snapshot.
using Maker = std::function<MetricFamily(const MetricsSnapshot&)>;
using Makers = std::vector<Maker>;

// A family that `fill` fills from the snapshot.
template <class Fill>
void add_family(Makers& makers, const Name& name, Fill fill) {
    makers.emplace_back([name, fill](const MetricsSnapshot& numbers) {
        MetricFamily family{name.name, name.help, name.type, {}};
        fill(family, numbers);
        return family;
    });
}

template <class Value>
void add_single(Makers& makers, const Name& name, Value value) {
    add_family(makers, name, [value](MetricFamily& family, const MetricsSnapshot& numbers) {
        add(family, {}, static_cast<double>(value(numbers)));
    });
}

template <class Fill>
void add_per_listener(Makers& makers, const Name& name, Fill fill) {
    add_family(makers, name, [fill](MetricFamily& family, const MetricsSnapshot& numbers) {
        for (const auto& one : numbers.listeners) fill(family, one);
    });
}

template <class Value>
void add_listener_value(Makers& makers, const Name& name, Value value) {
    add_per_listener(makers, name, [value](MetricFamily& family, const ListenerMetrics& one) {
        add(family, {{"listener", one.listener}}, value(one));
    });
}

template <class Fill>
void add_per_pool(Makers& makers, const Name& name, Fill fill) {
    add_family(makers, name, [fill](MetricFamily& family, const MetricsSnapshot& numbers) {
        for (const auto& one : numbers.pools) fill(family, one);
    });
}

template <class Value>
void add_pool_value(Makers& makers, const Name& name, Value value) {
    add_per_pool(makers, name, [value](MetricFamily& family, const PoolMetrics& one) {
        add(family, {{"pool", one.pool}}, value(one));
    });
}

template <class Fill>
void add_per_server(Makers& makers, const Name& name, Fill fill) {
    add_family(makers, name, [fill](MetricFamily& family, const MetricsSnapshot& numbers) {
        for (const auto& one : numbers.servers) fill(family, one);
    });
}

template <class Value>
void add_server_value(Makers& makers, const Name& name, Value value) {
    add_per_server(makers, name, [value](MetricFamily& family, const ServerMetrics& one) {
        add(family, {{"pool", one.pool}, {"server", one.server}}, value(one));
    });
}

// Only for servers with checks.
template <class Fill>
void add_per_check(Makers& makers, const Name& name, Fill fill) {
    add_per_server(makers, name, [fill](MetricFamily& family, const ServerMetrics& one) {
        if (one.checks) fill(family, one, *one.checks);
    });
}

}  // namespace ringway::proxy

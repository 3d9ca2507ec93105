// Writes metrics in Prometheus' text format, version 0.0.4 (prometheus.io, "Exposition formats").
// One thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/admin/metrics_snapshot.h"

namespace ringway::proxy {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

// The name and help text of a family; both are printable ASCII without backslashes.
struct MetricName {
    std::string_view name;
    MetricType type;
    std::string_view help;
};

// Values are UTF-8.
using MetricLabels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// The text of one family of metrics: nothing where it has none.
class FamilyText {
public:
    // Appends to `out`, which outlives this.
    FamilyText(std::string& out, const MetricName& name) : out_(out), name_(name) {}

    void add(MetricLabels labels, double value);
    void add(MetricLabels labels, std::uint64_t value);
    // In seconds.
    void add(MetricLabels labels, const Distribution& distribution);

private:
    void begin();
    // A line up to its value. `le` is the bound of a bucket; empty for none.
    void begin_line(std::string_view suffix, MetricLabels labels, std::string_view le = {});
    template <class Value>
    void end_line(Value value);
    template <class Value>
    void add_line(MetricLabels labels, Value value);

    std::string& out_;
    const MetricName& name_;
    bool has_begun_ = false;
};

}  // namespace ringway::proxy

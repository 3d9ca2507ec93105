#include "proxy/admin/metrics_text.h"

#include <iterator>

#include <fmt/format.h>

namespace ringway::proxy {

namespace {

std::string_view to_string(MetricType type) {
    switch (type) {
        case MetricType::counter:
            return "counter";
        case MetricType::gauge:
            return "gauge";
        case MetricType::histogram:
            return "histogram";
    }
    return "untyped";
}

void append_escaped(std::string& out, std::string_view value) {
    for (const char c : value) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
}

double to_seconds(std::uint64_t us) {
    return static_cast<double>(us) / 1e6;
}

}  // namespace

void FamilyText::begin() {
    if (std::exchange(has_begun_, true)) return;
    fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name_.name, name_.help,
                   name_.name, to_string(name_.type));
}

void FamilyText::begin_line(std::string_view suffix, MetricLabels labels, std::string_view le) {
    out_.append(name_.name).append(suffix);
    char before = '{';
    const auto add_label = [&](std::string_view name, std::string_view value) {
        out_.append(1, std::exchange(before, ',')).append(name).append("=\"");
        append_escaped(out_, value);
        out_ += '"';
    };
    for (const auto& [name, value] : labels) add_label(name, value);
    if (!le.empty()) add_label("le", le);
    if (before == ',') out_ += '}';
}

template <class Value>
void FamilyText::end_line(Value value) {
    fmt::format_to(std::back_inserter(out_), " {}\n", value);
}

template <class Value>
void FamilyText::add_line(MetricLabels labels, Value value) {
    begin();
    begin_line("", labels);
    end_line(value);
}

void FamilyText::add(MetricLabels labels, double value) {
    add_line(labels, value);
}

void FamilyText::add(MetricLabels labels, std::uint64_t value) {
    add_line(labels, value);
}

void FamilyText::add(MetricLabels labels, const Distribution& distribution) {
    begin();
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < distribution.bounds_us.size(); ++i) {
        count += distribution.counts[i];
        begin_line("_bucket", labels, fmt::format("{}", to_seconds(distribution.bounds_us[i])));
        end_line(count);
    }
    count += distribution.counts.back();
    begin_line("_bucket", labels, "+Inf");
    end_line(count);
    begin_line("_sum", labels);
    end_line(to_seconds(distribution.sum_us));
    begin_line("_count", labels);
    end_line(count);
}

}  // namespace ringway::proxy

#include "tools/ringbench/report.h"

#include <algorithm>
#include <ostream>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace ringway::bench {
namespace {

// Names and units are plain ASCII words: nothing in them needs escaping.
std::string quoted(const std::string& text) {
    return '"' + text + '"';
}

std::string number(double value) {
    return fmt::format("{:.6g}", value);
}

template <class T>
void add_once(std::vector<T>& list, const T& item) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

}  // namespace

void Report::add(Result result) {
    results_.push_back(std::move(result));
}

void Report::add(Bar bar) {
    bars_.push_back(std::move(bar));
}

double Report::value(const std::string& name, const std::string& subject, std::size_t servers,
                     std::size_t vnodes) const {
    for (const Result& result : results_)
        if (result.name == name && result.subject == subject && result.servers == servers &&
            result.vnodes == vnodes)
            return result.value;
    throw std::logic_error("no result " + name + " of " + subject);
}

void Report::print_table(std::ostream& out, const std::string& name, std::size_t vnodes) const {
    std::vector<std::string> subjects;
    std::set<std::size_t> servers;
    std::string unit;
    for (const Result& result : results_) {
        if (result.name != name || result.vnodes != vnodes) continue;
        add_once(subjects, result.subject);
        servers.insert(result.servers);
        unit = result.unit;
    }
    const std::string points = vnodes == 0 ? "" : fmt::format(", {} vnodes", vnodes);
    out << fmt::format("\n{} ({}){}\n{:>10}", name, unit, points, "servers");
    for (const std::string& subject : subjects)
        out << fmt::format("  {:>{}}", subject, std::max<std::size_t>(10, subject.size()));
    out << '\n';
    for (const std::size_t count : servers) {
        out << fmt::format("{:>10}", count);
        for (const std::string& subject : subjects) {
            const auto found =
                std::find_if(results_.begin(), results_.end(), [&](const Result& result) {
                    return result.name == name && result.subject == subject &&
                           result.vnodes == vnodes && result.servers == count;
                });
            const std::string text =
                found == results_.end() ? "" : fmt::format("{:.4g}", found->value);
            out << fmt::format("  {:>{}}", text, std::max<std::size_t>(10, subject.size()));
        }
        out << '\n';
    }
}

void Report::print(std::ostream& out) const {
    std::vector<std::pair<std::string, std::size_t>> tables;
    for (const Result& result : results_) add_once(tables, {result.name, result.vnodes});
    for (const auto& [name, vnodes] : tables) print_table(out, name, vnodes);
    out << "\nbars\n";
    for (const Bar& bar : bars_)
        out << fmt::format("{:>8}  {:<48} {:>9} {:<12} bar {} {}\n", bar.met() ? "met" : "MISSED",
                           bar.name, fmt::format("{:.4g}", bar.value), bar.unit,
                           bar.at_least ? ">=" : "<=", number(bar.bar));
}

void Report::write_json(std::ostream& out) const {
    out << "{\n  \"bars\": {";
    const char* comma = "";
    for (const Bar& bar : bars_) {
        out << fmt::format("{}\n    {}: {{\"value\": {}, \"unit\": {}, \"{}\": {}, \"met\": {}}}",
                           comma, quoted(bar.name), number(bar.value), quoted(bar.unit),
                           bar.at_least ? "at_least" : "at_most", number(bar.bar), bar.met());
        comma = ",";
    }
    out << "\n  },\n  \"results\": [";
    comma = "";
    for (const Result& result : results_) {
        out << fmt::format(
            "{}\n    {{\"name\": {}, \"subject\": {}, \"servers\": {}, \"vnodes\": {}, "
            "\"value\": {}, \"unit\": {}}}",
            comma, quoted(result.name), quoted(result.subject), result.servers, result.vnodes,
            number(result.value), quoted(result.unit));
        comma = ",";
    }
    out << "\n  ]\n}\n";
}

bool Report::all_met() const {
    return std::all_of(bars_.begin(), bars_.end(), [](const Bar& bar) { return bar.met(); });
}

}  // namespace ringway::bench

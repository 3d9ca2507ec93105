#include "tools/ringctl/render_sources.h"

#include <cstdint>

#include <fmt/format.h>

#include "proxy/text/admin_line.h"
#include "tools/ringctl/fields.h"

namespace ringway::ringctl {

namespace {

// The time since a source was last known to be as it is shown.
std::string age_of(const json::object& from) {
    return from.contains("age_s") && text(from, "age_s") == nothing ? "never"
                                                                    : seconds(from, "age_s");
}

std::string warnings_of(const std::string& pool, const json::object& source, bool colours) {
    const auto warn = [&](const std::string& text) {
        return paint(fmt::format("pool {}, {}", pool, text), Tone::warning, colours) + '\n';
    };
    const std::string what = text(source, "what");
    std::string out;
    for (const std::string& each : strings(source, "warnings")) {
        out += warn(fmt::format("{}: {}", what, each));
    }
    const std::uint64_t left_out = number(source, "warnings_left_out").value_or(0);
    if (left_out > 0) out += warn(fmt::format("{}: and {} more warnings", what, left_out));
    return out;
}

}  // namespace

std::string render_sources(const json::object& status, bool colours) {
    Table table(
        {{"POOL"}, {"SOURCE"}, {"SERVERS", Align::right}, {"AGE", Align::right}, {"PROBLEM"}});
    std::string warnings;
    bool any = false;
    for (const auto* pool : objects(status, "pools")) {
        const std::string name = text(*pool, "name");
        for (const auto* source : objects(*pool, "sources")) {
            any = true;
            table.add({{name, Tone::strong},
                       {text(*source, "what")},
                       {text(*source, "servers")},
                       {age_of(*source)},
                       {text(*source, "problem"),
                        text(*source, "problem") == nothing ? Tone::plain : Tone::bad}});
            warnings += warnings_of(name, *source, colours);
        }
    }
    return any ? '\n' + table.to_string(colours) + warnings : std::string();
}

bool is_of_other_source(const json::object* server) {
    const std::string source = text(*server, "source");
    return source != nothing && source != "file";
}

Cell address_of(const json::object& server) {
    const std::string address = text(server, "address");
    const bool has_none = address == nothing && server.contains("address");
    return {address, has_none ? Tone::bad : Tone::plain};
}

void add_source_lines(const json::object& server, NamedLines& lines, bool colours) {
    if (const json::object& host = object(server, "host"); !host.empty()) {
        const std::string age = age_of(host);
        std::string value = text(host, "name");
        value += age == "never" ? ", never resolved" : fmt::format(", resolved {} ago", age);
        if (const std::string problem = text(host, "problem"); problem != nothing) {
            value += ", " + paint(problem, Tone::bad, colours);
        }
        lines.emplace_back("host", std::move(value));
    }
    std::string layers;
    for (const auto& [property, layer] : object(server, "layers")) {
        if (layer.is_null()) continue;
        layers += fmt::format("{}{} {}", layers.empty() ? "" : ", ", proxy::printable(property),
                              text_of(layer));
    }
    if (!layers.empty()) lines.emplace_back("layers", std::move(layers));
}

}  // namespace ringway::ringctl

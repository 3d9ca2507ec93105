#include "tools/ringctl/render_certificates.h"

#include <fmt/format.h>

#include "tools/ringctl/fields.h"
#include "tools/ringctl/table.h"

namespace ringway::ringctl {

namespace {

constexpr double day_s = 24.0 * 3600;
constexpr double soon_days = 14;

// Days until it expires, in a colour that says whether to act.
Cell days_left(const json::object& certificate) {
    const auto left = decimal(certificate, "expires_in_s");
    if (!left) return {std::string(nothing)};
    const double days = *left / day_s;
    if (days < 0) return {"expired", Tone::bad};
    return {fmt::format("{:.0f} days", days), days < soon_days ? Tone::warning : Tone::good};
}

std::string joined(const std::vector<std::string>& names) {
    return names.empty() ? std::string(nothing) : fmt::format("{}", fmt::join(names, ", "));
}

std::string shown_by(const json::object& certificate) {
    const std::string listener = text(certificate, "listener");
    return listener != nothing ? "listener " + listener : "pool " + text(certificate, "pool");
}

}  // namespace

std::string render_certificates(const json::object& answer, bool colours) {
    Table table({{"SHOWN BY"},
                 {"NAMES"},
                 {"KEY"},
                 {"EXPIRES"},
                 {"LEFT", Align::right},
                 {"OCSP UNTIL"},
                 {"ISSUER"},
                 {"FILE"}});
    const auto all = objects(answer, "certificates");
    for (const auto* each : all) {
        table.add({{shown_by(*each)},
                   {joined(strings(*each, "names")), Tone::strong},
                   {text(*each, "key")},
                   {text(*each, "expires")},
                   days_left(*each),
                   {text(*each, "ocsp_until")},
                   {text(*each, "issuer")},
                   {text(*each, "file")}});
    }
    return all.empty() ? "no listener or pool shows a certificate\n" : table.to_string(colours);
}

}  // namespace ringway::ringctl

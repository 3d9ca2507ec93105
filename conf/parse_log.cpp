#include "conf/parse_log.h"

#include <string>
#include <string_view>

#include "conf/limits.h"

namespace ringway::conf {

namespace {

void read_log_target(const Value& value, std::string& target) {
    constexpr auto* what =
        "stderr, stdout, syslog, syslog:/path of its socket or the absolute path of a file";
    const auto text = value.text(what);
    if (!text) return;
    constexpr std::string_view socket = "syslog:";
    const bool is_socket = text->starts_with(socket);
    const std::string_view path = std::string_view(*text).substr(is_socket ? socket.size() : 0);
    const bool is_path = path.starts_with('/') && !path.ends_with('/');
    if (*text != "stderr" && *text != "stdout" && *text != "syslog" && !is_path) {
        value.expected(what);
    } else if (check_text(value, *text,
                          {is_socket ? socket.size() + socket_path_bytes_max : path_bytes_max})) {
        target = *text;
    }
}

}  // namespace

void read_log(Section& section, LogSettings& log) {
    using Level = LogSettings::Level;
    using Format = LogSettings::Format;
    section.choice<Level>("level", log.level,
                          {{"debug", Level::debug},
                           {"info", Level::info},
                           {"warn", Level::warn},
                           {"error", Level::error}});
    section.value("target", [&](const Value& value) { read_log_target(value, log.target); });
    section.choice<Format>("format", log.format, {{"text", Format::text}, {"json", Format::json}});
    section.boolean("access", log.access);
}

}  // namespace ringway::conf

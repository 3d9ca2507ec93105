// How entries are put down. Internal to conf/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/config.h"
#include "conf/entries.h"
#include "conf/scalar.h"
#include "conf/text.h"

namespace ringway::conf {

// Puts entries under one section's path, which is empty for the outermost.
class Writer {
public:
    explicit Writer(Entries& entries, std::string section = "", bool needs_restart = false)
        : entries_(entries), section_(std::move(section)), needs_restart_(needs_restart) {}

    Writer in(std::string_view section) const {
        return Writer(entries_, path_of(section), needs_restart_);
    }
    // Of entries that cannot change while running.
    Writer fixed() const { return Writer(entries_, section_, true); }

    void text(std::string_view name, std::string value, std::string shown_as = "") const {
        entries_[path_of(name)] = {std::move(value), std::move(shown_as), needs_restart_};
    }
    void number(std::string_view name, std::uint64_t value) const {
        text(name, std::to_string(value));
    }
    void flag(std::string_view name, bool value) const { text(name, value ? "true" : "false"); }
    void time(std::string_view name, Duration value) const { text(name, spell(value)); }
    // Those that are absent by default.
    void limit(std::string_view name, std::uint64_t value) const {
        if (value > 0) number(name, value);
    }
    void time_or_none(std::string_view name, Duration value) const {
        if (value.count() > 0) time(name, value);
    }
    void bytes(std::string_view name, const std::string& value) const {
        if (!value.empty()) text(name, value, quoted(value));  // which cuts long values
    }

private:
    std::string path_of(std::string_view name) const {
        return section_.empty() ? std::string(name) : section_ + '.' + std::string(name);
    }
    Entries& entries_;
    const std::string section_;
    const bool needs_restart_;
};

std::string spell_version(TlsVersion version);
std::string spell_list(const std::vector<std::string>& texts);
void write_alpn(const Writer& to, const std::vector<std::string>& protocols);
void write_file(const Writer& to, std::string_view name, const std::optional<FilePath>& file);

// The entries that traffic and checks have in common.
void write(const Writer& to, const PoolTls& tls);
void write(const Writer& to, const ServersFrom& from);
void write(const Writer& to, const DnsSettings& dns);
void write(const Writer& to, const FleetSettings& fleet);

}  // namespace ringway::conf

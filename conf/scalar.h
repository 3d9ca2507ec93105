// The spellings of single values in a configuration file. Pure functions; each
// returns nothing for a text that is not exactly its kind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "conf/config.h"

namespace ringway::conf {

// Decimal digits, a minus sign at most: no plus, no leading zeros, no exponent.
std::optional<std::int64_t> parse_integer(std::string_view text);

// Decimal digits, then at most six more behind a point: "2", "1.25".
std::optional<double> parse_decimal(std::string_view text);

// An integer and its unit: "500ms", "2s", "10m", "1h".
std::optional<Duration> parse_duration(std::string_view text);
std::string spell(Duration duration);

// An integer and its unit: "100B", "64KiB", "1MiB".
std::optional<std::uint64_t> parse_size_bytes(std::string_view text);
std::string spell_size_bytes(std::uint64_t bytes);

// Any bytes: as they stand, but for \r \n \t \0 \\ \" and \xNN.
std::optional<std::string> parse_bytes(std::string_view text);

// Any bytes: two hexadecimal digits each, and nothing else.
std::optional<std::string> parse_hex(std::string_view text);

// A TCP port: 1 to 65535, digits only, no leading zero.
std::optional<std::uint16_t> parse_port(std::string_view text);

}  // namespace ringway::conf

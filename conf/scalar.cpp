#include "conf/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace ringway::conf {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t factor;
};

// From the largest to the smallest.
constexpr std::array<Unit, 4> duration_units{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 3> size_units{{{"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}};

// Far above every bound, and times any unit still far from overflow.
constexpr std::int64_t count_max = 1'000'000'000'000;

std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto count = parse_integer(text.substr(0, digits));
    const auto unit = std::ranges::find(units, text.substr(digits), &Unit::name);
    if (!count || *count > count_max || unit == units.end()) return std::nullopt;
    return *count * unit->factor;
}

std::string spell_with_unit(std::int64_t count, std::span<const Unit> units) {
    const auto unit =
        std::ranges::find_if(units, [count](const Unit& each) { return count % each.factor == 0; });
    return std::to_string(count / unit->factor) + std::string(unit->name);
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    // One value has one spelling: this refuses 007 and -0.
    if (std::to_string(value) != text) return std::nullopt;
    return value;
}

std::optional<double> parse_decimal(std::string_view text) {
    const auto point = text.find('.');
    const auto whole = parse_integer(text.substr(0, point));
    if (!whole || text.front() == '-') return std::nullopt;
    if (point == std::string_view::npos) return static_cast<double>(*whole);
    const auto decimals = text.substr(point + 1);
    const bool digits = decimals.find_first_not_of("0123456789") == std::string_view::npos;
    if (decimals.empty() || decimals.size() > 6 || !digits) return std::nullopt;
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::optional<Duration> parse_duration(std::string_view text) {
    const auto count = parse_with_unit(text, duration_units);
    return count ? std::optional(Duration(*count)) : std::nullopt;
}

std::string spell(Duration duration) {
    return spell_with_unit(duration.count(), duration_units);
}

std::optional<std::uint64_t> parse_size_bytes(std::string_view text) {
    const auto count = parse_with_unit(text, size_units);
    return count ? std::optional(static_cast<std::uint64_t>(*count)) : std::nullopt;
}

std::string spell_size_bytes(std::uint64_t bytes) {
    return spell_with_unit(static_cast<std::int64_t>(bytes), size_units);
}

std::optional<std::string> parse_bytes(std::string_view text) {
    constexpr std::string_view letters = "rnt0\\\"";
    constexpr std::string_view bytes{"\r\n\t\0\\\"", 6};
    std::string out;
    while (!text.empty()) {
        if (text.front() != '\\') {
            out += text.front();
            text.remove_prefix(1);
            continue;
        }
        if (text.size() < 2) return std::nullopt;
        if (const auto letter = letters.find(text[1]); letter != std::string_view::npos) {
            out += bytes[letter];
            text.remove_prefix(2);
            continue;
        }
        std::uint8_t byte = 0;
        if (text[1] != 'x' || text.size() < 4) return std::nullopt;
        const auto [end, error] = std::from_chars(text.data() + 2, text.data() + 4, byte, 16);
        if (error != std::errc{} || end != text.data() + 4) return std::nullopt;
        out += static_cast<char>(byte);
        text.remove_prefix(4);
    }
    return out;
}

std::optional<std::string> parse_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::string out;
    for (; !text.empty(); text.remove_prefix(2)) {
        std::uint8_t byte = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + 2, byte, 16);
        if (error != std::errc{} || end != text.data() + 2) return std::nullopt;
        out += static_cast<char>(byte);
    }
    return out;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (text.starts_with('0')) return std::nullopt;
    return port;
}

}  // namespace ringway::conf

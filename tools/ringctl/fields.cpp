#include "tools/ringctl/fields.h"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "proxy/text/admin_line.h"
#include "tools/ringctl/table.h"

namespace ringway::ringctl {

std::string text_of(const json::value& value) {
    if (value.is_null()) return std::string(nothing);
    if (const auto* string = value.if_string()) return proxy::printable(*string);
    return proxy::printable(json::serialize(value));
}

std::string text(const json::object& from, std::string_view field) {
    const json::value* value = from.if_contains(field);
    return value ? text_of(*value) : std::string(nothing);
}

std::optional<std::uint64_t> number(const json::object& from, std::string_view field) {
    const json::value* value = from.if_contains(field);
    if (!value || !value->is_number()) return std::nullopt;
    json::error_code error;
    const auto result = value->to_number<std::uint64_t>(error);
    return error ? std::nullopt : std::optional(result);
}

std::string seconds(const json::object& from, std::string_view field) {
    const auto value = number(from, field);
    return value ? human_seconds(*value) : std::string(nothing);
}

std::string bytes(const json::object& from, std::string_view field) {
    const auto value = number(from, field);
    return value ? human_bytes(*value) : std::string(nothing);
}

const json::object& object(const json::object& from, std::string_view field) {
    static const json::object empty;
    const json::value* value = from.if_contains(field);
    return value && value->is_object() ? value->get_object() : empty;
}

// The objects in the array `field`.
std::vector<const json::object*> objects(const json::object& from, std::string_view field) {
    std::vector<const json::object*> out;
    const json::value* value = from.if_contains(field);
    if (!value || !value->is_array()) return out;
    for (const json::value& item : value->get_array()) {
        if (item.is_object()) out.push_back(&item.get_object());
    }
    return out;
}

bool flag(const json::object& from, std::string_view field) {
    const json::value* value = from.if_contains(field);
    return value && value->is_bool() && value->get_bool();
}

std::optional<double> decimal(const json::object& from, std::string_view field) {
    const json::value* value = from.if_contains(field);
    if (!value || !value->is_number()) return std::nullopt;
    json::error_code error;
    const auto result = value->to_number<double>(error);
    return error ? std::nullopt : std::optional(result);
}

std::string percent(const json::object& from, std::string_view field) {
    const auto value = decimal(from, field);
    return value ? fmt::format("{:.1f} %", *value * 100) : std::string(nothing);
}

std::vector<std::string> strings(const json::object& from, std::string_view field) {
    std::vector<std::string> out;
    const json::value* value = from.if_contains(field);
    if (!value || !value->is_array()) return out;
    for (const json::value& item : value->get_array()) out.push_back(text_of(item));
    return out;
}

}  // namespace ringway::ringctl

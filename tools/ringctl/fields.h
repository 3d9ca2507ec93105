// The fields of an answer as text: "-" for those that are missing or of another type, and escaped
// for a terminal. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace ringway::ringctl {

namespace json = boost::json;

inline constexpr std::string_view nothing = "-";

std::string text_of(const json::value& value);
std::string text(const json::object& from, std::string_view field);
std::optional<std::uint64_t> number(const json::object& from, std::string_view field);
std::optional<double> decimal(const json::object& from, std::string_view field);
// "3m 12s", "1.5 KiB", "12.5 %" for a share of 0.125.
std::string seconds(const json::object& from, std::string_view field);
std::string bytes(const json::object& from, std::string_view field);
std::string percent(const json::object& from, std::string_view field);
bool flag(const json::object& from, std::string_view field);
// Empty if there is none.
const json::object& object(const json::object& from, std::string_view field);
// The objects in an array; the items of one, each as text.
std::vector<const json::object*> objects(const json::object& from, std::string_view field);
std::vector<std::string> strings(const json::object& from, std::string_view field);

}  // namespace ringway::ringctl

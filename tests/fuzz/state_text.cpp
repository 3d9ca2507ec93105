// The state file's text. What it says is written and read again the same; what is refused has a
// place; no text that is cut before its end is accepted.
#include "proxy/control/state_text.h"

#include <array>
#include <string>
#include <utility>
#include <variant>

#include <boost/json.hpp>

#include "conf/text.h"
#include "tests/fuzz/mutation.h"

using namespace ringway;
namespace json = boost::json;
using fuzz::require;
using proxy::Overrides;

namespace {

void check_said(const Overrides& said, std::string_view text) {
    const std::string written = proxy::state_text(said);
    const auto again = proxy::parse_state(written);
    require(again && *again == said, "what is written is read again");
    require(proxy::state_text(*again) == written, "and written again");
    const auto end = text.find_last_not_of(" \t\r\n");
    const auto cut = proxy::parse_state(text.substr(0, end));
    require(!cut, "a text that is cut is refused");
}

// "12:3: ...", or the path of an entry.
bool has_place(std::string_view reason) {
    for (const std::string_view begin : {"the file: ", "version: ", "servers: ", "servers["}) {
        if (reason.starts_with(begin) && reason.size() > begin.size()) return true;
    }
    const auto column = reason.find(':');
    const auto end = reason.find(": ");
    return column != std::string_view::npos && end != std::string_view::npos && column < end &&
           end + 2 < reason.size() && reason.find_first_not_of("0123456789:") == end + 1;
}

// A value that an entry may have, or hardly.
json::value any_value(fuzz::Chance& chance) {
    static const std::array<json::value, 22> values{
        nullptr,
        true,
        false,
        0,
        1,
        7,
        1000,
        1001,
        -1,
        1.5,
        "",
        "a",
        "online",
        "offline",
        "drain",
        "auto",
        "192.0.2.1:80",
        "[2001:db8::1]:80",
        "unix:/run/a \"b\".sock",
        json::array{},
        json::object{},
        json::object{{"address", "192.0.2.7:7"}, {"weight", 3}},
    };
    return chance.any(values);
}

void change(json::value& value, fuzz::Chance& chance);

void change_object(json::object& object, fuzz::Chance& chance) {
    static constexpr std::array<std::string_view, 10> names{
        "version", "servers", "pool",    "id",           "registered",
        "by_hand", "weight",  "address", "unregistered", "x"};
    if (object.empty() || chance.one_in(3)) {
        object[chance.any(names)] = any_value(chance);
        return;
    }
    auto* const entry = object.begin() + chance.below(object.size());
    if (chance.one_in(4)) {
        object.erase(entry);
    } else {
        change(entry->value(), chance);
    }
}

void change_array(json::array& array, fuzz::Chance& chance) {
    if (array.empty() || chance.one_in(6)) {
        array.push_back(json::object{{"pool", "p"}, {"id", "a"}, {"unregistered", true}});
        return;
    }
    auto* const entry = array.begin() + chance.below(array.size());
    switch (chance.below(4)) {
        case 0:
            array.erase(entry);
            break;
        case 1:
            array.push_back(json::value(*entry));
            break;
        default:
            change(*entry, chance);
    }
}

void change(json::value& value, fuzz::Chance& chance) {
    if (value.is_object()) {
        change_object(value.get_object(), chance);
    } else if (value.is_array()) {
        change_array(value.get_array(), chance);
    } else if (value.is_string() && chance.one_in(2)) {
        value = chance.mutate(std::string(value.get_string()));
    } else {
        value = any_value(chance);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    const std::string text = fuzz::text_of(data, size);
    const auto result = proxy::parse_state(text);
    if (result) {
        check_said(*result, text);
    } else {
        const std::string reason = result.error().text;
        require(has_place(reason), "a refusal has a place and a reason");
        require(!conf::has_control(reason), "a refusal is fit for a terminal");
    }
    return 0;
}

// The tree of a text that is JSON, else its bytes.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    fuzz::Chance chance(seed);
    json::error_code error;
    std::string text = fuzz::text_of(data, size);
    json::value root = json::parse(text, error);
    if (error || chance.one_in(10)) return fuzz::store(chance.mutate(text), data, size_max);
    for (auto changes = 1 + chance.below(3); changes > 0; --changes) change(root, chance);
    return fuzz::store(json::serialize(root), data, size_max);
}

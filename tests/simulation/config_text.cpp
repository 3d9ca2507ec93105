#include "tests/simulation/config_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace ringway::simulation {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// The one keyword that the parser does not take in quotes.
constexpr std::string_view automatic = "\"workers\": auto";
constexpr std::string_view automatic_as_json = "\"workers\": \"auto\"";

class Writer {
public:
    void write(const value& json, std::size_t depth) {
        switch (json.kind()) {
            case boost::json::kind::object:
                return write_all(json.get_object(), '{', '}', depth);
            case boost::json::kind::array:
                return write_all(json.get_array(), '[', ']', depth);
            case boost::json::kind::string:
                return write_text(json.get_string());
            case boost::json::kind::int64:
                return write_number(json.get_int64());
            case boost::json::kind::uint64:
                return write_number(json.get_uint64());
            case boost::json::kind::double_:
                return write_number(json.get_double(), std::chars_format::fixed);
            case boost::json::kind::bool_:
                out_ += json.get_bool() ? "true" : "false";
                return;
            case boost::json::kind::null:
                out_ += "null";
        }
    }
    std::string take() { return std::move(out_); }

private:
    static const value& value_of(const value& element) { return element; }
    static const value& value_of(const boost::json::key_value_pair& entry) { return entry.value(); }
    void write_name(const value&) {}
    void write_name(const boost::json::key_value_pair& entry) {
        write_text(entry.key());
        out_ += ": ";
    }

    template <class Some>
    void write_all(const Some& some, char open, char close, std::size_t depth) {
        const bool lines = std::ranges::any_of(
            some, [](const auto& each) { return value_of(each).is_structured(); });
        out_ += open;
        bool is_first = true;
        for (const auto& each : some) {
            if (!is_first) out_ += lines ? "," : ", ";
            is_first = false;
            if (lines) out_.append("\n").append(2 * depth + 2, ' ');
            write_name(each);
            write(value_of(each), depth + 1);
        }
        if (lines) out_.append("\n").append(2 * depth, ' ');
        out_ += close;
    }

    void write_text(std::string_view text) {
        constexpr std::string_view hex = "0123456789abcdef";
        out_ += '"';
        for (const char c : text) {
            const auto byte = static_cast<std::uint8_t>(c);
            if (c == '"' || c == '\\') out_ += '\\';
            if (byte < 0x20 || byte == 0x7F) {
                out_.append("\\u00") += {hex[byte >> 4], hex[byte & 15]};
            } else {
                out_ += c;
            }
        }
        out_ += '"';
    }

    template <class... Format>
    void write_number(auto number, Format... format) {
        std::array<char, 64> digits{};
        const auto [end, error] =
            std::to_chars(digits.data(), digits.data() + digits.size(), number, format...);
        out_.append(digits.data(), end);
    }

    std::string out_;
};

void replace_first(std::string& text, std::string_view from, std::string_view to) {
    if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

void collect(value& json, const SchemaNode& node, std::vector<PlacedMap>& out) {
    if (auto* list = json.if_array(); list != nullptr && node.items) {
        for (auto& each : *list) collect(each, *node.items, out);
    }
    auto* map = json.if_object();
    if (map == nullptr) return;
    if (!node.named) out.push_back({map, &node});
    for (auto& [name, each] : *map) {
        if (node.named) {
            collect(each, *node.named, out);
        } else if (const auto* property = node.find(name)) {
            collect(each, property->node, out);
        }
    }
}

}  // namespace

std::string write_config(const object& root) {
    Writer writer;
    writer.write(root, 0);
    auto text = writer.take();
    replace_first(text, automatic_as_json, automatic);
    return text += '\n';
}

object read_config(std::string_view text) {
    std::string json(text);
    replace_first(json, automatic, automatic_as_json);
    return boost::json::parse(json).as_object();
}

std::vector<PlacedMap> maps_of(object& root) {
    std::vector<PlacedMap> out;
    const auto& schema = configuration_schema();
    out.push_back({&root, &schema});
    for (auto& [name, each] : root) {
        if (const auto* property = schema.find(name)) collect(each, property->node, out);
    }
    return out;
}

}  // namespace ringway::simulation

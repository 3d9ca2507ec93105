// The configuration's text. It is a Config or a list of errors, each with a place in the text and
// fit for a terminal; the same entries in other words say the same; what is printed of a Config is
// read as it was.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "conf/config.h"
#include "conf/difference.h"
#include "conf/text.h"
#include "conf/yaml.h"
#include "tests/fuzz/yaml_mutator.h"

using namespace ringway;
using conf::Node;
using fuzz::require;

namespace {

using Parsed = Result<conf::Config, conf::Errors>;

void check_errors(const conf::Errors& errors, std::string_view text) {
    require(!errors.empty(), "a refusal has an error");
    const auto lines = std::ranges::count(text, '\n') + 2;
    for (const auto& error : errors) {
        require(!error.message.empty(), "an error has a message");
        require(error.position.line >= 1 && error.position.line <= lines, "on a line of the text");
        require(error.position.column >= 1, "columns count from 1");
        require(!conf::has_control(error.to_string("file")), "an error is fit for a terminal");
    }
}

// Of a conf::Endpoint or a conf::ServerAddress.
template <class Address>
void check_address(const Address& address) {
    const auto again = Address::parse(address.to_string());
    require(again == address, "an address is printed as it is read");
}

void check_config(const conf::Config& config) {
    require(!config.listeners.empty(), "there is a listener");
    for (const auto& listener : config.listeners) {
        check_address(listener.bind);
        require(!listener.routes.empty(), "a listener has a route");
        for (const auto& route : listener.routes) {
            const bool there = std::ranges::find(config.pools, route.pool, &conf::Pool::name) !=
                               config.pools.end();
            require(there, "a route's pool is there");
            require(!route.key.parts.empty(), "a key has a part");
            require(route.key.silent_after <= listener.timeouts.key, "a key is awaited in time");
        }
    }
    for (const auto& pool : config.pools) {
        for (const auto& server : pool.servers) {
            require(!server.id.empty() && server.id.size() <= 255, "a server has an id");
            check_address(server.address);
            if (server.check_address) check_address(*server.check_address);
        }
        if (pool.health) require(pool.health->timeout <= pool.health->interval, "checks end");
    }
    require(conf::difference(config, config).empty(), "it does not differ from itself");
    for (const auto& each : conf::difference({}, config)) {
        require(!conf::has_control(to_string(each)), "a difference is fit for a terminal");
    }
}

// Whether a text without quotes stays one wherever it is written.
bool is_plain(std::string_view text) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (text.empty() || !is_letter(text.front()) || text.ends_with(':')) return false;
    return std::ranges::all_of(text, [&](char c) {
        return is_letter(c) || std::string_view("_./:+-").find(c) != std::string_view::npos;
    });
}

std::string in_quotes(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "\"";
    while (!text.empty()) {
        const auto character = conf::first_character(text);
        const std::size_t bytes = character ? character->bytes : 1;
        if (character && conf::is_control(character->code)) {
            out += {'\\', 'x', digits[character->code >> 4], digits[character->code & 15]};
        } else {
            if (text.front() == '"' || text.front() == '\\') out += '\\';
            out += text.substr(0, bytes);
        }
        text.remove_prefix(bytes);
    }
    return out + '"';
}

// Writes a tree again, one entry a line; false where that would take more than this knows.
class Printer {
public:
    explicit Printer(std::string_view newline) : newline_(newline) {}

    bool print(const Node& node, std::size_t depth = 0) {
        switch (node.kind) {
            case Node::Kind::null:
                text += " ~";
                return line();
            case Node::Kind::plain:
                text += ' ' + node.text;
                return is_plain(node.text) && line();
            case Node::Kind::quoted:
                text += ' ' + in_quotes(node.text);
                return line();
            case Node::Kind::list:
                return print_list(node, depth);
            case Node::Kind::map:
                return print_map(node, depth);
            case Node::Kind::refused:
                break;
        }
        return false;
    }

    std::string text;

private:
    bool line() {
        text += " # and so on";
        text += newline_;
        return true;
    }
    bool print_list(const Node& list, std::size_t depth) {
        text += list.items.empty() ? " []" : "";
        line();
        return std::ranges::all_of(list.items, [&](const Node& item) {
            text += std::string(depth * 2, ' ') + '-';
            return print(item, depth + 1);
        });
    }
    bool print_map(const Node& map, std::size_t depth) {
        text += map.items.empty() ? " {}" : "";
        line();
        for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
            const Node& key = map.items[i];
            const bool quoted = key.kind == Node::Kind::quoted;
            if (key.text.size() > 256) return false;
            if (!quoted && (key.kind != Node::Kind::plain || !is_plain(key.text))) return false;
            text += std::string(depth * 2, ' ') + (quoted ? in_quotes(key.text) : key.text) + ':';
            if (!print(map.items[i + 1], depth + 1)) return false;
        }
        return true;
    }

    std::string_view newline_;
};

// What the errors say, without where.
std::vector<std::string> complaints(const Parsed& result) {
    std::vector<std::string> all;
    if (result) return all;
    for (const auto& error : result.error()) {
        std::string text = error.path + ": " + error.message;
        std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
        all.push_back(std::move(text));
    }
    std::ranges::sort(all);
    return all;
}

void check_rewritten(std::string_view text, const Parsed& result) {
    conf::Errors errors;
    const conf::Tree tree = conf::load_yaml(text, errors, nullptr);
    if (!errors.empty() || tree.cut || tree.root.kind != Node::Kind::map) return;
    for (const std::string_view newline : {"\n", "\r\n"}) {
        Printer printer(newline);
        if (!printer.print(tree.root)) return;
        const Parsed again = conf::parse(printer.text);
        require(again.has_value() == result.has_value(), "other words, the same verdict");
        require(complaints(again) == complaints(result), "other words, the same errors");
        if (!result) continue;
        const auto differences = conf::difference(*result, *again);
        require(differences.empty(), "other words, the same configuration");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    const std::string text = fuzz::text_of(data, size);
    const Parsed result = conf::parse(text);
    if (result) {
        check_config(*result);
    } else {
        check_errors(result.error(), text);
    }
    check_rewritten(text, result);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    fuzz::Chance chance(seed);
    return fuzz::store(fuzz::mutate_yaml(fuzz::text_of(data, size), chance), data, size_max);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(  // NOLINT
    const std::uint8_t* data, std::size_t size, const std::uint8_t* other, std::size_t other_size,
    std::uint8_t* out, std::size_t size_max, unsigned seed) {
    fuzz::Chance chance(seed);
    const auto crossed =
        fuzz::cross_yaml(fuzz::text_of(data, size), fuzz::text_of(other, other_size), chance);
    return fuzz::store(crossed, out, size_max);
}

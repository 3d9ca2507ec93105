#include "tests/fuzz/yaml_mutator.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <vector>

#include "conf/text.h"
#include "tests/simulation/random_config.h"
#include "tests/simulation/schema_node.h"

namespace ringway::fuzz {
namespace {

using Lines = std::vector<std::string>;

// What the schema calls its entries, and their keywords.
struct Words {
    std::vector<std::string> names;
    std::vector<std::string> keywords;
};

void collect(const simulation::SchemaNode& node, std::set<std::string>& names,
             std::set<std::string>& keywords) {
    keywords.insert(node.words.begin(), node.words.end());
    for (const auto& property : node.properties) {
        names.insert(property.name);
        collect(property.node, names, keywords);
    }
    if (node.named) collect(*node.named, names, keywords);
    if (node.items) collect(*node.items, names, keywords);
}

const Words& words() {
    static const Words known = [] {
        std::set<std::string> names;
        std::set<std::string> keywords;
        collect(simulation::configuration_schema(), names, keywords);
        return Words{{names.begin(), names.end()}, {keywords.begin(), keywords.end()}};
    }();
    return known;
}

constexpr std::array<std::string_view, 64> values{
    "0",
    "1",
    "2",
    "16",
    "255",
    "1000",
    "65536",
    "1000000000",
    "-1",
    "007",
    "1.25",
    "0.5",
    "1.0000001",
    "99999999999999999999",
    "true",
    "false",
    "~",
    "null",
    "auto",
    "1ms",
    "500ms",
    "2s",
    "10m",
    "24h",
    "25h",
    "0s",
    "16B",
    "64KiB",
    "1MiB",
    "192.0.2.1:80",
    "0.0.0.0:80",
    "192.0.2.1",
    "\"[::]:80\"",
    "\"[::ffff:192.0.2.1]:80\"",
    "\"[::%1]:80\"",
    "\"[fe80::1]:80\"",
    "\"::1\"",
    "224.0.0.1:80",
    "255.255.255.255:80",
    "127.0.0.1:65536",
    "127.0.0.1:080",
    "unix:/run//a/./b.sock",
    "unix:run",
    "unix:/",
    "10.0.0.0/8",
    "10.0.0.1/8",
    "\"2001:db8::/32\"",
    "0.0.0.0/0",
    "\"\"",
    "''",
    "[]",
    "{}",
    "200-399",
    "101",
    "\"PING\\\\r\\\\n\"",
    "'\\x41\\0\\q'",
    "\"0a0B\"",
    "'(a|b)(c)'",
    "'('",
    "/run/ringway.sock",
    "syslog:/dev/log",
    "stderr",
    "redis",
    "a",
};

// What gives YAML another meaning, before a value.
constexpr std::array<std::string_view, 16> marks{
    "&a ", "*a ",   "!x ",   "!!str ", "? ", "- ", "# ", "|\n",
    ">\n", "---\n", "...\n", "<<: ",   "\t", "\"", "'",  "\xEF\xBB\xBF"};

Lines lines_of(std::string_view text) {
    Lines lines;
    for (const auto line : conf::split(text, '\n')) lines.emplace_back(line);
    return lines;
}

std::string joined(const Lines& lines) {
    std::string text;
    for (const auto& line : lines) text += line + '\n';
    if (!text.empty()) text.pop_back();
    return text;
}

std::size_t indent_of(const std::string& line) {
    return std::min(line.find_first_not_of(' '), line.size());
}

// One past the lines that belong to the entry at `first`: those that are deeper.
std::size_t end_of(const Lines& lines, std::size_t first) {
    std::size_t end = first + 1;
    while (end < lines.size() && !lines[end].empty() &&
           indent_of(lines[end]) > indent_of(lines[first])) {
        ++end;
    }
    return end;
}

Lines entry_at(const Lines& lines, std::size_t first) {
    const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(first);
    return {begin, lines.begin() + static_cast<std::ptrdiff_t>(end_of(lines, first))};
}

void erase_entry(Lines& lines, std::size_t first) {
    const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(first);
    lines.erase(begin, lines.begin() + static_cast<std::ptrdiff_t>(end_of(lines, first)));
}

// The entry as deep as the line at `where`, and before it.
void insert_entry(Lines& lines, std::size_t where, Lines entry) {
    const auto from = indent_of(entry.front());
    const auto to = where < lines.size() ? indent_of(lines[where]) : 0;
    for (auto& line : entry) {
        line = std::string(to, ' ') + line.substr(std::min(from, line.size()));
    }
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(where), entry.begin(), entry.end());
}

std::string any_value(Chance& chance) {
    switch (chance.below(4)) {
        case 0:
            return chance.any(words().keywords);
        case 1:
            return std::to_string(chance.below(std::size_t{1} << chance.below(34)));
        default:
            return std::string(chance.any(values));
    }
}

std::string any_entry(Chance& chance) {
    const std::string& name = chance.any(words().names);
    if (chance.one_in(6)) return name + ": {" + chance.any(words().names) + ": 1}";
    if (chance.one_in(6)) return name + ": [" + any_value(chance) + ", " + any_value(chance) + "]";
    return name + ": " + any_value(chance);
}

// Where the value of a line begins.
std::size_t value_of(const std::string& line) {
    const auto colon = line.rfind(": ");
    if (colon != std::string::npos) return colon + 2;
    const auto dash = line.find("- ");
    return dash == std::string::npos ? line.size() : dash + 2;
}

void change_value(std::string& line, Chance& chance) {
    const auto begin = value_of(line);
    std::string value = line.substr(begin);
    switch (chance.below(4)) {
        case 0:
            value = chance.mutate(std::move(value));
            break;
        case 1:
            value = '"' + value + '"';
            break;
        default:
            value = any_value(chance);
    }
    // A value may end what is written on one line.
    for (const char end : std::string_view(",}]")) {
        if (line.ends_with(end) && !chance.one_in(4)) value += end;
    }
    line = line.substr(0, begin) + value;
}

void change_name(std::string& line, Chance& chance) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) return;
    const auto indent = std::min(line.find_first_not_of(" -{"), colon);
    line.replace(indent, colon - indent, chance.any(words().names));
}

std::string random_text(Chance& chance) {
    simulation::RandomConfig random(chance.number(), {"/run/fuzz"});
    return chance.one_in(2) ? random.valid() : random.broken();
}

void change_lines(Lines& lines, Chance& chance) {
    const auto at = chance.below(lines.size());
    switch (chance.below(10)) {
        case 0:
            erase_entry(lines, at);
            break;
        case 1:
            insert_entry(lines, at, entry_at(lines, at));
            break;
        case 2:
            insert_entry(lines, chance.below(lines.size() + 1), entry_at(lines, at));
            break;
        case 3:
            insert_entry(lines, at, {any_entry(chance)});
            break;
        case 4:
            change_name(lines[at], chance);
            break;
        case 5:
            lines[at].insert(value_of(lines[at]), chance.any(marks));
            break;
        case 6:
            lines[at].insert(0, chance.below(4), ' ');
            break;
        default:
            change_value(lines[at], chance);
    }
}

}  // namespace

std::string mutate_yaml(std::string_view text, Chance& chance) {
    if (text.empty() || chance.one_in(300)) return random_text(chance);
    if (chance.one_in(20)) return chance.mutate(std::string(text), 64);
    Lines lines = lines_of(text);
    for (auto changes = 1 + chance.below(3); changes > 0 && !lines.empty(); --changes) {
        change_lines(lines, chance);
    }
    return joined(lines);
}

std::string cross_yaml(std::string_view text, std::string_view other, Chance& chance) {
    Lines lines = lines_of(text);
    const Lines from = lines_of(other);
    insert_entry(lines, chance.below(lines.size() + 1), entry_at(from, chance.below(from.size())));
    return joined(lines);
}

}  // namespace ringway::fuzz

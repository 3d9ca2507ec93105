#include "tests/simulation/config_draw.h"

#include <algorithm>
#include <array>

#include <boost/json/array.hpp>

#include "tests/simulation/config_recipes.h"

namespace ringway::simulation {
namespace {

constexpr unsigned percent_of_scalars = 25;
constexpr unsigned percent_of_maps = 40;

enum class Way : std::uint8_t { word, integer, number, boolean, text, map, named_map, list };

// The ways in which an entry can be written, in the order of Way.
std::array<bool, 8> ways_of(const SchemaNode& node) {
    const bool texts = node.recipe != nullptr && !node.recipe->texts.empty();
    const bool integers = node.recipe != nullptr && !node.recipe->integers.empty();
    return {!node.words.empty(), node.integer || integers, node.number.has_value(),
            node.boolean,        node.text && texts,       !node.properties.empty(),
            node.named && texts, node.items != nullptr};
}

}  // namespace

bool can_draw(const SchemaNode& node) {
    const auto ways = ways_of(node);
    return std::ranges::find(ways, true) != ways.end();
}

ConfigDraw::ConfigDraw(std::uint64_t seed, std::string folder)
    : random_(seed), folder_(std::move(folder)) {}

boost::json::value ConfigDraw::value(const SchemaNode& node) {
    const auto ways = ways_of(node);
    const auto count = static_cast<std::size_t>(std::ranges::count(ways, true));
    if (count == 0) return nullptr;
    auto left = random_.below(count);
    std::size_t at = 0;
    while (!ways[at] || left-- > 0) ++at;
    switch (static_cast<Way>(at)) {
        case Way::word:
            return boost::json::value(random_.pick(node.words));
        case Way::integer:
            return integer(node);
        case Way::number:
            return number(*node.number);
        case Way::boolean:
            return random_.one_in(2);
        case Way::text:
            return boost::json::value(text(node));
        case Way::map:
            return map(node);
        case Way::named_map:
            return named(node);
        case Way::list:
            break;
    }
    return list(node);
}

void ConfigDraw::set(boost::json::object& map, const SchemaNode& node, std::string_view name) {
    map[name] = value(node.at(name));
}

void ConfigDraw::need(boost::json::object& map, const SchemaNode& node, std::string_view name) {
    if (!map.contains(name)) set(map, node, name);
}

// Mostly the least ones; the greatest now and then.
std::int64_t ConfigDraw::integer(const SchemaNode& node) {
    if (node.recipe != nullptr && !node.recipe->integers.empty()) {
        return random_.pick(node.recipe->integers);
    }
    if (random_.one_in(12)) return node.integer->most;
    const std::size_t span = random_.one_in(6) ? 17 : 4;
    const auto more = static_cast<std::int64_t>(random_.below(span));
    return std::min(node.integer->least + more, node.integer->most);
}

// In steps of a hundredth from the least to one more.
boost::json::value ConfigDraw::number(const SchemaNode::Range& range) {
    if (random_.one_in(12)) return range.most;
    const auto hundredths = range.least * 100 + static_cast<std::int64_t>(random_.below(101));
    const auto bounded = std::min(hundredths, range.most * 100);
    if (bounded % 100 == 0) return bounded / 100;
    return static_cast<double>(bounded) / 100;
}

std::string ConfigDraw::text(const SchemaNode& node) {
    std::string text(random_.pick(node.recipe->texts));
    if (const auto at = text.find('@'); at != std::string::npos) text.replace(at, 1, folder_);
    return text;
}

bool ConfigDraw::is_wanted(const Property& property) {
    const SchemaNode& node = property.node;
    if (property.required) return true;
    if (!can_draw(node)) return false;
    if (node.recipe != nullptr && node.recipe->percent)
        return random_.percent(*node.recipe->percent);
    return random_.percent(node.is_map() ? percent_of_maps : percent_of_scalars);
}

boost::json::object ConfigDraw::map(const SchemaNode& node) {
    boost::json::object out;
    out.reserve(node.properties.size());
    const std::string* chosen = node.one_of.empty() ? nullptr : &random_.pick(node.one_of);
    for (const auto& property : node.properties) {
        const bool of_several = std::ranges::find(node.one_of, property.name) != node.one_of.end();
        if (of_several ? property.name == *chosen : is_wanted(property)) {
            out.emplace(property.name, value(property.node));
        }
    }
    return out;
}

boost::json::object ConfigDraw::named(const SchemaNode& node) {
    boost::json::object out;
    const auto size = size_of(node);
    for (auto tries = 4 * size; tries > 0 && out.size() < size; --tries) {
        const auto name = text(node);
        if (!out.contains(name)) out.emplace(name, value(*node.named));
    }
    return out;
}

boost::json::array ConfigDraw::list(const SchemaNode& node) {
    boost::json::array out;
    for (auto left = size_of(node); left > 0; --left) out.push_back(value(*node.items));
    return out;
}

std::size_t ConfigDraw::size_of(const SchemaNode& node) {
    const Recipe usual;
    const Recipe& recipe = node.recipe == nullptr ? usual : *node.recipe;
    const auto least = std::max(node.items_least, recipe.items_least);
    return least + random_.below(std::max(recipe.items_most, least) - least + 1);
}

}  // namespace ringway::simulation

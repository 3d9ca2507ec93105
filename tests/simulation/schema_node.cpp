#include "tests/simulation/schema_node.h"

#include <array>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>

#include <boost/json.hpp>

#include "tests/simulation/config_recipes.h"

namespace ringway::simulation {
namespace {

using boost::json::object;
using boost::json::value;

constexpr int depth_max = 32;

std::string text_of(const value& json) {
    return std::string(json.as_string());
}

// Builds the nodes of one schema.
class SchemaReader {
public:
    explicit SchemaReader(const object& root) : root_(root) {}

    void read(const object& schema, SchemaNode& node, int depth = 0) const {
        if (depth > depth_max) throw std::runtime_error("the schema refers to itself");
        for (const auto& [keyword, json] : schema) read_keyword(keyword, json, node, depth);
        read_type(schema, node);
        if (const auto* properties = schema.if_contains("properties")) {
            for (const auto& [name, json] : properties->as_object()) {
                auto path =
                    node.path.empty() ? std::string(name) : node.path + '.' + std::string(name);
                if (!is_simulated(path)) continue;
                Property& property = node.properties.emplace_back();
                property.name = name;
                property.node.path = std::move(path);
                read(json.as_object(), property.node, depth + 1);
            }
        }
        if (const auto* required = schema.if_contains("required")) {
            for (const auto& name : required->as_array()) require(node, text_of(name));
        }
        node.recipe = recipe_of(node);
    }

private:
    void read_keyword(std::string_view keyword, const value& json, SchemaNode& node,
                      int depth) const {
        if (keyword == "$ref") {
            const auto name = text_of(json).substr(std::string_view("#/definitions/").size());
            node.definition = name;
            read(root_.at("definitions").at(name).as_object(), node, depth + 1);
        } else if (keyword == "const") {
            if (json.is_string()) add_word(json, node);
            if (json.is_int64()) node.integer = SchemaNode::Range{json.as_int64(), json.as_int64()};
        } else if (keyword == "enum") {
            for (const auto& word : json.as_array()) add_word(word, node);
        } else if (keyword == "oneOf" || keyword == "anyOf") {
            read_alternatives(json.as_array(), node, depth);
        } else if (keyword == "items") {
            node.items = inner(json.as_object(), node.path + ".*", depth);
        } else if (keyword == "minItems") {
            node.items_least = static_cast<std::size_t>(json.as_int64());
        } else if (keyword == "additionalProperties") {
            if (json.is_object()) node.named = inner(json.as_object(), node.path + ".*", depth);
        } else if (!is_known(keyword)) {
            throw std::runtime_error("not understood in the schema: " + std::string(keyword));
        }
    }

    static void add_word(const value& json, SchemaNode& node) {
        auto word = text_of(json);
        if (is_simulated(node.path + '=' + word)) node.words.push_back(std::move(word));
    }

    // Those that say nothing of values, are read elsewhere, or are kept by construction.
    static bool is_known(std::string_view keyword) {
        constexpr std::array<std::string_view, 17> known{
            "$schema",    "title",    "description", "definitions", "default",      "type",
            "properties", "required", "minimum",     "maximum",     "pattern",      "minLength",
            "maxLength",  "maxItems", "format",      "uniqueItems", "propertyNames"};
        for (const auto each : known) {
            if (each == keyword) return true;
        }
        return false;
    }

    // Either ways to write the entry, or of a map which of its entries must be there.
    void read_alternatives(const boost::json::array& alternatives, SchemaNode& node,
                           int depth) const {
        for (const auto& each : alternatives) {
            const auto& schema = each.as_object();
            if (schema.size() == 1 && schema.contains("required")) {
                node.one_of.push_back(text_of(schema.at("required").at(0)));
            } else {
                const auto definition = node.definition;
                read(schema, node, depth + 1);
                node.definition = definition;
            }
        }
    }

    static void read_type(const object& schema, SchemaNode& node) {
        const auto* type = schema.if_contains("type");
        if (type == nullptr) return;
        if (type->is_array()) {
            for (const auto& each : type->as_array()) read_one_type(each.as_string(), schema, node);
        } else {
            read_one_type(type->as_string(), schema, node);
        }
    }

    static void read_one_type(std::string_view type, const object& schema, SchemaNode& node) {
        // Bounds of a text's integer twin would be in its pattern.
        const bool bounded = schema.contains("minimum") && schema.contains("maximum");
        if (type == "string") node.text = true;
        if (type == "boolean") node.boolean = true;
        if ((type == "integer" || type == "number") && bounded) {
            const SchemaNode::Range range{schema.at("minimum").as_int64(),
                                          schema.at("maximum").as_int64()};
            (type == "integer" ? node.integer : node.number) = range;
        } else if ((type == "integer" || type == "number") && !schema.contains("pattern")) {
            throw std::runtime_error("a number without bounds: " + node.path);
        }
    }

    std::unique_ptr<SchemaNode> inner(const object& schema, std::string path, int depth) const {
        auto node = std::make_unique<SchemaNode>();
        node->path = std::move(path);
        read(schema, *node, depth + 1);
        return node;
    }

    static void require(SchemaNode& node, const std::string& name) {
        for (auto& property : node.properties) {
            if (property.name == name) property.required = true;
        }
    }

    const object& root_;
};

}  // namespace

SchemaNode::SchemaNode() = default;
SchemaNode::~SchemaNode() = default;
SchemaNode::SchemaNode(SchemaNode&&) noexcept = default;
SchemaNode& SchemaNode::operator=(SchemaNode&&) noexcept = default;

bool SchemaNode::is_map() const {
    return !properties.empty() || named != nullptr;
}

const Property* SchemaNode::find(std::string_view name) const {
    for (const auto& property : properties) {
        if (property.name == name) return &property;
    }
    return nullptr;
}

const SchemaNode& SchemaNode::at(std::string_view name) const {
    if (items && properties.empty()) return items->at(name);
    if (named) return named->at(name);
    if (const auto* property = find(name)) return property->node;
    throw std::out_of_range(path + " has no entry " + std::string(name));
}

SchemaNode read_schema(std::string_view schema_json) {
    const value json = boost::json::parse({schema_json.data(), schema_json.size()});
    SchemaNode root;
    SchemaReader(json.as_object()).read(json.as_object(), root);
    return root;
}

const SchemaNode& configuration_schema() {
    static const SchemaNode root = [] {
        std::ifstream file(CONF_SCHEMA);
        if (!file) throw std::runtime_error("cannot read " CONF_SCHEMA);
        return read_schema(std::string(std::istreambuf_iterator<char>(file), {}));
    }();
    return root;
}

}  // namespace ringway::simulation

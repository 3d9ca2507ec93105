// The generator of configurations: what it calls valid is accepted, what it calls broken is
// refused, and every entry of the schema takes part.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "conf/config.h"
#include "tests/simulation/config_rules.h"
#include "tests/simulation/config_text.h"
#include "tests/simulation/random_config.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace ringway::simulation;

namespace {

constexpr int worlds = 100;
constexpr int valid_a_world = 50;
constexpr int next_a_world = 50;
constexpr int broken_a_world = 20;
constexpr std::string_view folder = "/run/ringway-simulated";

std::string errors_of(const std::string& text) {
    const auto result = conf::parse(text);
    std::string out;
    for (const auto& error : result.error()) out += error.to_string("config") + '\n';
    return out;
}

std::string schema_text() {
    std::ifstream file(CONF_SCHEMA);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The paths of a configuration's entries, and path=text where one is a text.
void collect(const boost::json::value& json, const std::string& path, std::set<std::string>& out) {
    if (const auto* map = json.if_object()) {
        for (const auto& [name, value] : *map) {
            const auto inner =
                path == "pools" ? "pools.*" : path + (path.empty() ? "" : ".") + std::string(name);
            out.insert(inner);
            collect(value, inner, out);
        }
    } else if (const auto* list = json.if_array()) {
        for (const auto& value : *list) collect(value, path + ".*", out);
    } else if (const auto* text = json.if_string()) {
        out.insert(path + '=' + std::string(*text));
    }
}

void check_accepted(const std::string& text, std::uint64_t seed) {
    const auto errors = errors_of(text);
    BOOST_TEST_CONTEXT("seed " << seed << "\n" << text) {
        BOOST_TEST(errors == "");
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(random_config)

BOOST_AUTO_TEST_CASE(valid_configurations_are_accepted_and_every_entry_takes_part) {
    test::SeededRandom random;
    std::set<std::string> seen;
    for (int world = 0; world < worlds; ++world) {
        const auto seed = random();
        RandomConfig configs(seed, {std::string(folder)});
        for (int i = 0; i < valid_a_world; ++i) {
            const auto text = configs.valid();
            check_accepted(text, seed);
            collect(read_config(text), "", seen);
        }
    }
    for (const auto& entry : entries_of_schema(schema_text())) {
        BOOST_TEST(seen.contains(entry), "no configuration has " << entry);
    }
}

BOOST_AUTO_TEST_CASE(the_next_of_a_valid_configuration_is_another_valid_one) {
    test::SeededRandom random;
    for (int world = 0; world < worlds; ++world) {
        const auto seed = random();
        RandomConfig configs(seed, {std::string(folder)});
        auto text = configs.valid();
        for (int i = 0; i < next_a_world; ++i) {
            auto next = configs.next(text);
            check_accepted(next, seed);
            BOOST_TEST(next != text);
            text = std::move(next);
        }
    }
}

BOOST_AUTO_TEST_CASE(broken_configurations_are_refused) {
    test::SeededRandom random;
    for (int world = 0; world < worlds; ++world) {
        const auto seed = random();
        RandomConfig configs(seed, {std::string(folder)});
        for (int i = 0; i < broken_a_world; ++i) {
            const auto text = configs.broken();
            BOOST_TEST(errors_of(text) != "", "accepted, of seed " << seed << ":\n" << text);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_texts) {
    test::SeededRandom random;
    const auto seed = random();
    RandomConfig one(seed, {std::string(folder)});
    RandomConfig other(seed, {std::string(folder)});
    auto text = one.valid();
    BOOST_TEST(text == other.valid());
    for (int i = 0; i < 100; ++i) {
        auto next = one.next(text);
        BOOST_TEST(next == other.next(text));
        BOOST_TEST(one.broken() == other.broken());
        text = std::move(next);
    }
    BOOST_TEST(RandomConfig(seed + 1, {std::string(folder)}).valid() != one.valid());
}

BOOST_AUTO_TEST_CASE(every_entry_of_the_schema_can_be_generated) {
    const auto generated = entries_generated();
    for (const auto& entry : entries_of_schema(schema_text())) {
        BOOST_TEST((std::ranges::find(generated, entry) != generated.end()),
                   "config_recipes.cpp knows no texts of " << entry);
    }
}

BOOST_AUTO_TEST_CASE(what_needs_a_restart_is_mostly_the_same_in_a_world) {
    test::SeededRandom random;
    std::map<std::string, int> times;
    for (int world = 0; world < worlds; ++world) {
        RandomConfig configs(random(), {std::string(folder)});
        times.clear();
        for (int i = 0; i < valid_a_world; ++i) {
            auto root = read_config(configs.valid());
            const auto* admin = map_at(root, "admin");
            auto fixed = boost::json::serialize(root.at("workers"));
            for (const auto* name : {"socket", "http", "state"}) {
                fixed += ' ';
                if (admin != nullptr) fixed += text_at(*admin, name);
            }
            ++times[fixed];
        }
        const auto most =
            std::ranges::max_element(times, {}, [](const auto& each) { return each.second; });
        BOOST_TEST(most->second >= valid_a_world * 3 / 4);
    }
}

BOOST_AUTO_TEST_CASE(what_the_rules_have_mended_is_mended) {
    test::SeededRandom random;
    RandomConfig configs(random(), {std::string(folder)});
    ConfigDraw draw(random(), std::string(folder));
    auto text = configs.valid();
    for (int i = 0; i < 1'000; ++i) {
        auto root = read_config(text);
        mend(root, draw);
        BOOST_TEST(write_config(root) == text);
        text = configs.next(text);
    }
}

// A keyword of JSON Schema that is not understood could hide entries: it is an error.
BOOST_AUTO_TEST_CASE(entries_of_a_schema_are_all_that_it_has) {
    const auto entries = entries_of_schema(R"({
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": {"$ref": "#/definitions/one"}},
            "map": {"type": "object", "additionalProperties": {"$ref": "#/definitions/one"}},
            "either": {"oneOf": [{"enum": ["x", "y"]}, {"$ref": "#/definitions/one"}]}
        },
        "definitions": {"one": {"type": "object", "properties": {"a": {"type": "string"}}}}
    })");
    const std::vector<std::string> expected{"list",   "list.*.a", "map",      "map.*.a",
                                            "either", "either=x", "either=y", "either.a"};
    BOOST_TEST(entries == expected, boost::test_tools::per_element());
    BOOST_CHECK_THROW(entries_of_schema(R"({"if": {}})"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_world_has_a_folder) {
    BOOST_CHECK_THROW(RandomConfig(1, {"relative"}), std::invalid_argument);
    BOOST_CHECK_THROW(RandomConfig(1, {"/" + std::string(80, 'x')}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

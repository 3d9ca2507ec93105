// The examples, damaged at random: the parser always returns a Config or errors, and the errors
// point into the text.
#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"
#include "tests/conf/sample.h"
#include "tests/support/random.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;

namespace {

constexpr int rounds = 3'000;

// Pieces that YAML and the configuration give a meaning to.
constexpr std::array<std::string_view, 36> pieces{"\n",          " ",       "  ",
                                                  "\t",          ":",       ": ",
                                                  "- ",          "[",       "]",
                                                  "{",           "}",       ",",
                                                  "#",           "\"",      "'",
                                                  "|",           ">",       "&a ",
                                                  "*a",          "!x ",     "? ",
                                                  "---\n",       "...\n",   "<<: ",
                                                  "%YAML 1.2\n", "~",       "0",
                                                  "-1",          "1e309",   "\xFF",
                                                  "\x01",        "\r",      "\xEF\xBB\xBF",
                                                  "\\",          "servers", "version: 1\n"};

class Mutator {
public:
    std::string damage(std::string text) {
        for (auto left = below(8) + 1; left > 0; --left) damage_once(text);
        return text;
    }
    std::size_t below(std::size_t end) { return random_.below(end); }

private:
    void damage_once(std::string& text) {
        const auto at = below(text.size() + 1);
        const auto length = std::min(below(40), text.size() - at);
        switch (below(5)) {
            case 0:
                text.erase(at, length);
                break;
            case 1:
                text.insert(at, pieces[below(pieces.size())]);
                break;
            case 2:
                text.insert(below(text.size() + 1), text.substr(at, length));
                break;
            case 3:
                if (at < text.size()) text[at] = static_cast<char>(below(256));
                break;
            default:
                text.resize(text.size() - length);
        }
    }

    ringway::test::SeededRandom random_;
};

std::vector<std::string> examples() {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(CONF_EXAMPLES)) {
        paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    std::vector<std::string> texts;
    for (const auto& path : paths) texts.push_back(text_at(path));
    return texts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mutation)

BOOST_AUTO_TEST_CASE(damaged_files_give_a_config_or_placed_errors) {
    const auto texts = examples();
    Mutator mutator;
    for (int round = 0; round < rounds; ++round) {
        const auto text = mutator.damage(texts[mutator.below(texts.size())]);
        const auto result = parse(text);
        if (result) continue;
        const Errors errors = result.error();
        // One past the last line is where the end of the text is.
        const auto lines = std::ranges::count(text, '\n') + 2;
        BOOST_TEST_CONTEXT("round " << round << "\n" << text) {
            BOOST_TEST(!errors.empty());
            for (const auto& error : errors) {
                BOOST_TEST(!error.message.empty());
                BOOST_TEST(error.position.line >= 1);
                BOOST_TEST(error.position.line <= lines);
                BOOST_TEST(error.position.column >= 1);
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

// The golden vectors: the mapping as it must stay for ever. They were made by
// model.py, which shares no line with the library.
#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "ring/analysis.h"
#include "ring/balancer.h"
#include "ring/points.h"
#include "tests/ring/brute.h"

namespace ringway::ring::test {
namespace {

std::string from_hex(const std::string& text) {
    std::string bytes;
    if (text == "-") return bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    return bytes;
}

std::uint64_t number(const std::string& hex) {
    return std::stoull(hex, nullptr, 16);
}

// One ring of the file, filled as its lines come.
struct GoldenRing {
    explicit GoldenRing(std::istringstream& line) {
        std::string algorithm, function, seed;
        double millionths = 0;
        Settings settings;
        line >> algorithm >> function >> seed >> settings.vnodes >> millionths;
        settings.algorithm = algorithm == "ring" ? Algorithm::ring : Algorithm::maglev;
        settings.balance_factor = millionths / 1e6;
        settings.key_hash = function == "sha256" ? KeyHash::sha256 : KeyHash::xxh3;
        settings.seed = from_hex(seed);
        balancer.emplace(settings);
    }

    void add_server(std::istringstream& line) {
        std::string id, status;
        ServerSpec server;
        line >> id >> server.weight >> status;
        server.id = from_hex(id);
        server.status = status == "online" ? Status::online : Status::offline;
        ids.push_back(server.id);
        balancer->register_server(server);
    }

    void check_fingerprint(std::istringstream& line) const {
        std::string expected;
        line >> expected;
        BOOST_TEST(fingerprint(*balancer->snapshot()) == expected);
    }

    void check_key(std::istringstream& line) const {
        std::string key, hash, order;
        line >> key >> hash >> order;
        const auto snapshot = balancer->snapshot();
        BOOST_TEST(snapshot->hash(from_hex(key)) == number(hash));

        Walk walk(*snapshot, number(hash));
        std::string got;
        for (int i = 0; i < 5; ++i) {
            const Member* const member = walk.next();
            if (i == 0) BOOST_TEST(snapshot->owner(number(hash)) == member);
            if (member == nullptr) break;
            const auto place = std::find(ids.begin(), ids.end(), member->id) - ids.begin();
            got += (got.empty() ? "" : ",") + std::to_string(place);
        }
        BOOST_TEST((got.empty() ? "-" : got) == order);
    }

    std::optional<Balancer> balancer;
    std::vector<std::string> ids;
};

void check_points(std::istringstream& line) {
    std::string id, point;
    line >> id;
    std::vector<std::uint64_t> expected;
    while (line >> point) expected.push_back(number(point));
    for (std::size_t count = 1; count <= expected.size(); ++count) {
        std::vector<std::uint64_t> first(expected.begin(),
                                         expected.begin() + static_cast<std::ptrdiff_t>(count));
        std::sort(first.begin(), first.end());
        BOOST_TEST(server_points(from_hex(id), static_cast<std::uint32_t>(count)) == first);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(golden)

BOOST_AUTO_TEST_CASE(every_point_hash_and_walk_is_what_the_model_says) {
    std::ifstream file(GOLDEN_FILE);
    BOOST_REQUIRE(file);
    std::optional<GoldenRing> ring;
    std::size_t keys = 0;
    std::size_t number_of_line = 0;
    for (std::string text; std::getline(file, text);) {
        std::istringstream line(text);
        std::string word;
        line >> word;
        BOOST_TEST_CONTEXT("line " << ++number_of_line) {
            if (word == "points")
                check_points(line);
            else if (word == "ring")
                ring.emplace(line);
            else if (word == "server")
                ring->add_server(line);
            else if (word == "fingerprint")
                ring->check_fingerprint(line);
            else if (word == "key")
                ring->check_key(line), ++keys;
            else
                BOOST_TEST(word == "#");
        }
    }
    BOOST_TEST(keys >= 2000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ringway::ring::test

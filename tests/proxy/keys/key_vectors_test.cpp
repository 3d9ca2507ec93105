// The vectors of ring/README.md, which tests/ring/key_model.py makes: the very bytes of keys.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "conf/scalar.h"
#include "proxy/net/address.h"
#include "ring/balancer.h"
#include "tests/proxy/keys/answers.h"

using namespace ringway;
using test::Answer;
using test::found;
using test::From;
using test::KeyPart;

namespace {

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> pieces;
    std::istringstream stream(text);
    for (std::string piece; std::getline(stream, piece, at);) pieces.push_back(piece);
    return pieces;
}

// "source_ip/24/64", "header/X-User", ...
KeyPart part_of(const std::string& source) {
    const auto words = split(source, '/');
    const auto number = [&](std::size_t i) {
        return static_cast<std::uint32_t>(std::stoul(words.at(i)));
    };
    KeyPart part;
    while (to_string(part.from) != words[0])
        part.from = static_cast<From>(static_cast<int>(part.from) + 1);
    if (part.from == From::source_ip && words.size() == 3) {
        part.prefix_v4 = static_cast<int>(number(1));
        part.prefix_v6 = static_cast<int>(number(2));
    }
    if (part.from == From::field) part.number = number(1);
    if (part.from == From::header) part.name = words.at(1);
    if (part.from == From::bytes) {
        part.offset = number(1);
        part.length = number(2);
    }
    return part;
}

std::string bytes_of(const std::string& text) {
    return conf::parse_bytes(text).value();
}

// An address as accept(2) returns it.
conf::Endpoint endpoint_of(const std::string& text, bool has_port) {
    if (text.starts_with("unix:")) return {.is_unix = true, .path = bytes_of(text.substr(5))};
    const bool is_v6 = text.find(':') != text.rfind(':');
    const auto written = has_port ? text : is_v6 ? '[' + text + "]:1" : text + ":1";
    return proxy::to_endpoint(proxy::SocketAddress(conf::Endpoint::parse(written).value()));
}

Answer answer(const std::string& source, const std::string& came) {
    std::vector<KeyPart> parts;
    proxy::Origin origin;
    std::string head;
    const auto inputs = split(came, '+');
    for (const std::string& each : split(source, '+')) {
        const KeyPart& part = parts.emplace_back(part_of(each));
        const std::string& input = inputs.at(parts.size() - 1);
        if (part.from == From::source_ip || part.from == From::source) {
            origin.source = endpoint_of(input, part.from == From::source);
        } else if (part.from == From::destination) {
            origin.destination = endpoint_of(input, true);
        } else {
            head = bytes_of(input);
        }
    }
    return test::whole(test::settings_of(parts), head, origin);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(key_vectors)

BOOST_AUTO_TEST_CASE(keys_have_the_bytes_that_the_contract_says) {
    const auto ring = ring::Balancer(ring::Settings{}).snapshot();
    std::ifstream file(KEY_VECTORS);
    int vectors = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('#')) continue;
        std::string source, came, key, k;
        std::istringstream(line) >> source >> came >> key >> k;
        BOOST_TEST_CONTEXT(line) {
            BOOST_TEST(answer(source, came) == found(bytes_of(key)));
            BOOST_TEST(ring->hash(bytes_of(key)) == std::stoull(k, nullptr, 16));
        }
        ++vectors;
    }
    BOOST_TEST(vectors >= 40);
}

BOOST_AUTO_TEST_SUITE_END()

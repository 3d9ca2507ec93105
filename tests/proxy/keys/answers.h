// The result of a key reader for bytes that arrive whole, or cut anywhere. Test thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"
#include "proxy/keys/key_reader.h"

namespace ringway::test {

using conf::KeyPart;
using From = conf::KeyPart::From;
using proxy::ParseStatus;

struct Answer {
    ParseStatus status;
    std::string key;
    bool operator==(const Answer&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Answer& answer) {
    return out << "status " << static_cast<int>(answer.status) << ", key \"" << answer.key << '"';
}

inline Answer found(std::string key) {
    return {ParseStatus::found, std::move(key)};
}
inline Answer refused(ParseStatus status) {
    return {status, ""};
}

inline const Answer malformed = refused(ParseStatus::malformed);
inline const Answer missing = refused(ParseStatus::missing);

inline proxy::Origin origin() {
    return {.source = *conf::Endpoint::parse("192.0.2.55:4711"),
            .destination = conf::Endpoint::parse("198.51.100.1:443")};
}

inline conf::KeySettings settings_of(std::vector<KeyPart> parts) {
    return {.parts = std::move(parts)};
}

// The answer to `bytes`, shown up to each of `cuts`, which rise, and then whole.
inline Answer in_segments(const conf::KeySettings& settings, std::string_view bytes,
                          const std::vector<std::size_t>& cuts,
                          const proxy::Origin& from = origin()) {
    const proxy::KeyRecipe recipe(settings);
    proxy::KeyReader reader(recipe);
    for (const std::size_t cut : cuts) {
        if (reader.status() != ParseStatus::more) break;
        // A copy without spare room, so that a read beyond it does not go unseen.
        const std::string head(bytes.substr(0, std::min(cut, bytes.size())));
        reader.read(head, from);
    }
    if (reader.status() == ParseStatus::more) reader.read(bytes, from);
    return {reader.status(), reader.key()};
}

inline Answer whole(const conf::KeySettings& settings, std::string_view bytes,
                    const proxy::Origin& from = origin()) {
    return in_segments(settings, bytes, {}, from);
}
inline Answer whole(const KeyPart& part, std::string_view bytes) {
    return whole(settings_of({part}), bytes);
}

// Whole, cut once at every byte, and byte by byte: all the same.
inline Answer however_cut(const KeyPart& part, std::string_view bytes) {
    const auto settings = settings_of({part});
    const Answer answer = whole(settings, bytes);
    std::vector<std::size_t> every;
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        every.push_back(cut);
        BOOST_TEST(in_segments(settings, bytes, {cut}) == answer, "cut at " << cut);
    }
    BOOST_TEST(in_segments(settings, bytes, every) == answer);
    return answer;
}

}  // namespace ringway::test

#include "tests/simulation/data/settings.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include <fmt/format.h>

namespace ringway::simulation::data {

namespace {

using proxy::CloseReason;
constexpr auto unlimited = std::numeric_limits<std::uint64_t>::max();
using std::chrono::milliseconds;

milliseconds between(RandomSource& random, std::size_t least, std::size_t most) {
    return milliseconds(least + random.below(most - least + 1));
}

std::string proxy_header(unsigned number) {
    return fmt::format("PROXY TCP4 192.0.2.{} 192.0.2.200 {} 443\r\n", number % 100,
                       port_of(number));
}

}  // namespace

Settings Settings::draw(RandomSource& random) {
    Settings drawn;
    milliseconds silent_after{0};
    drawn.keyed = random.one_in(2);
    drawn.expects_proxy = random.one_in(4);
    drawn.sends_proxy = random.one_in(4);
    drawn.max_bytes = 128 + random.below(900);
    if (drawn.keyed && random.one_in(3)) {
        drawn.on_missing = random.one_in(2) ? conf::KeySettings::OnMissing::source_ip
                                            : conf::KeySettings::OnMissing::random;
        if (random.one_in(2)) silent_after = between(random, 1, 300);
    }
    drawn.timeouts = {.key = between(random, 20, 1'500),
                      .idle = between(random, 300, 6'000),
                      .half_close = between(random, 100, 3'000),
                      .unacknowledged = between(random, 1'000, 6'000),
                      .keepalive = between(random, 1'000, 3'000)};
    drawn.silent_after = std::min<conf::Duration>(silent_after, drawn.timeouts.key);
    drawn.connect.timeout = between(random, 20, 1'000);
    drawn.connect.attempts = static_cast<std::uint32_t>(1 + random.below(4));
    if (random.one_in(4)) drawn.connect.budget = between(random, 20, 1'500);
    drawn.servers.resize(random.one_in(30) ? 0 : 1 + random.below(4));
    for (auto& limit : drawn.servers) {
        if (random.one_in(6)) limit = static_cast<std::uint32_t>(1 + random.below(3));
    }
    drawn.listener_limit = random.one_in(8) ? 1 + random.below(6) : unlimited;
    drawn.total_limit = random.one_in(8) ? 1 + random.below(8) : unlimited;
    drawn.most_pipes = random.one_in(4) ? random.below(3) : 64;
    return drawn;
}

conf::KeySettings Settings::key() const {
    using From = conf::KeyPart::From;
    return {.parts = {{.from = keyed ? From::first_line : From::source_ip}},
            .max_bytes = max_bytes,
            .on_missing = on_missing,
            .silent_after = silent_after};
}

std::string Settings::to_text() const {
    return fmt::format(
        "key {}{}, timeouts {} {} {} {} {}, connect {} of {} in {}, {} servers, most {} and {}, {} "
        "pipes",
        keyed ? "first_line" : "source_ip", expects_proxy ? " after PROXY" : "",
        timeouts.key.count(), timeouts.idle.count(), timeouts.half_close.count(),
        timeouts.unacknowledged.count(), timeouts.keepalive.count(), connect.timeout.count(),
        connect.attempts, connect.budget.count(), servers.size(), listener_limit, total_limit,
        most_pipes);
}

Opening Opening::draw(const Settings& settings, unsigned number, RandomSource& random) {
    Opening drawn;
    if (settings.expects_proxy) {
        drawn.is_trusted = !random.one_in(12);
        drawn.bytes = proxy_header(number);
        drawn.header_bytes = drawn.decided_at = drawn.bytes.size();
        const std::size_t chance = random.below(12);
        if (chance < 2) {
            drawn.bytes = chance == 0 ? "GET / HTTP/1.1\r\n" : "PROXY TCP4 192.0.2.300 x 1 2\r\n";
            drawn.refusal = chance == 0 ? CloseReason::proxy_missing : CloseReason::proxy_malformed;
            drawn.decided_at = chance == 0 ? 1 : drawn.bytes.size();
            return drawn;
        }
    }
    if (!settings.keyed) return drawn;
    const bool too_long = random.one_in(8);
    const std::size_t room = settings.max_bytes - drawn.header_bytes;
    const std::size_t length = too_long ? room : 2 + random.below(room - 1);
    for (std::size_t i = 0; i < length; ++i)
        drawn.bytes += static_cast<char>('a' + random.below(26));
    drawn.decided_at = drawn.bytes.size();
    if (too_long) {
        drawn.refusal = CloseReason::key_too_large;
    } else {
        drawn.bytes.back() = '\n';
    }
    return drawn;
}

}  // namespace ringway::simulation::data

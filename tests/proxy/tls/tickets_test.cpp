#include "proxy/tls/tickets.h"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Secret;
using proxy::TicketKeys;

namespace {

constexpr auto period = 3600s;
const TicketKeys::WallClock::time_point noon{std::chrono::hours(480'012)};

Secret secret_of(char byte) {
    return Secret(std::string(TicketKeys::secret_bytes, byte));
}

TicketKeys keys_of(const std::string& bytes) {
    std::vector<Secret> secrets;
    for (const char byte : bytes) secrets.push_back(secret_of(byte));
    return TicketKeys(std::move(secrets), period);
}

bool opens(const TicketKeys& keys, const TicketKeys::Keys& sealed,
           TicketKeys::WallClock::time_point now) {
    const auto found = keys.opening(sealed.name, now);
    return found && found->cipher == sealed.cipher && found->mac == sealed.mac;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_tickets)

BOOST_AUTO_TEST_CASE(replicas_with_one_secret_open_each_others_tickets) {
    const auto sealed = keys_of("a").sealing(noon);
    BOOST_TEST(opens(keys_of("a"), sealed, noon));
    BOOST_TEST(!opens(keys_of("b"), sealed, noon));
}

BOOST_AUTO_TEST_CASE(a_ticket_is_taken_one_period_later_and_by_a_clock_that_is_behind) {
    const TicketKeys keys = keys_of("a");
    const auto sealed = keys.sealing(noon);
    BOOST_TEST(opens(keys, sealed, noon + period));
    BOOST_TEST(opens(keys, sealed, noon - period));
    BOOST_TEST(!opens(keys, sealed, noon + 2 * period));
    BOOST_TEST(!opens(keys, sealed, noon - 2 * period));
}

BOOST_AUTO_TEST_CASE(keys_differ_by_period_and_within_one) {
    const auto now = keys_of("a").sealing(noon);
    const auto later = keys_of("a").sealing(noon + period);
    BOOST_TEST((now.name != later.name));
    BOOST_TEST((now.cipher != later.cipher));
    BOOST_TEST((now.mac != later.mac));
    BOOST_TEST((now.cipher != now.mac));
    BOOST_TEST((now.name == keys_of("a").sealing(noon + period - 1s).name));
}

// The secret is replaced in all files first behind the old one, then before it, then alone.
BOOST_AUTO_TEST_CASE(a_new_secret_takes_over_without_a_gap) {
    const auto old_ticket = keys_of("a").sealing(noon);
    BOOST_TEST(opens(keys_of("ab"), old_ticket, noon));
    BOOST_TEST(opens(keys_of("ba"), old_ticket, noon));
    BOOST_TEST(opens(keys_of("ab"), keys_of("ba").sealing(noon), noon));
    BOOST_TEST((keys_of("ba").sealing(noon).name == keys_of("b").sealing(noon).name));
}

BOOST_AUTO_TEST_CASE(names_that_nobody_made_are_refused) {
    TicketKeys::Name name = keys_of("a").sealing(noon).name;
    name[0] ^= 1;
    BOOST_TEST(!keys_of("a").opening(name, noon).has_value());
    name.fill(0xff);
    BOOST_TEST(!keys_of("a").opening(name, noon).has_value());
}

BOOST_AUTO_TEST_CASE(a_file_has_a_secret_in_each_line) {
    const std::string first(64, 'a');
    const std::string second(64, '5');
    const auto read = TicketKeys::parse(first + "\r\n\n" + second);
    BOOST_REQUIRE(read);
    BOOST_TEST(read->size() == 2u);
    BOOST_TEST(read->front().bytes() == std::string(32, '\xaa'));
    BOOST_TEST(read->back().bytes() == std::string(32, '\x55'));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_broken_is_refused_without_its_content) {
    const auto error_of = [](const std::string& text) {
        const auto read = TicketKeys::parse(text);
        return read ? "" : read.error().text;
    };
    const std::string good(64, 'a');
    BOOST_TEST(error_of("") == "expected a line of 64 hexadecimal digits, found none");
    BOOST_TEST(error_of(good + '\n' + good.substr(1)) ==
               "line 2: expected 64 hexadecimal digits, as `openssl rand -hex 32` makes them");
    BOOST_TEST(error_of(std::string(64, 'g')).starts_with("line 1: "));
}

BOOST_AUTO_TEST_CASE(the_secret_of_a_process_stays) {
    const Secret secret = TicketKeys::own_secret();
    BOOST_TEST(secret.bytes().size() == TicketKeys::secret_bytes);
    BOOST_TEST(secret.bytes() == TicketKeys::own_secret().bytes());
    BOOST_TEST(secret.bytes() != std::string(TicketKeys::secret_bytes, '\0'));
}

BOOST_AUTO_TEST_SUITE_END()

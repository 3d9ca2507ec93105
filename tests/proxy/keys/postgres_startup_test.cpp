// Keys from StartupMessages of PostgreSQL, sound, broken, and cut anywhere.
#include "proxy/keys/postgres_startup.h"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/keys/answers.h"
#include "tests/proxy/keys/tls_bytes.h"

using namespace ringway;
using namespace std::string_literals;
using namespace ringway::test;

namespace {

const KeyPart user{.from = From::postgres_user};
const KeyPart database{.from = From::postgres_database};

std::string message(std::size_t code, const std::string& body) {
    return number(4, body.size() + 8) + number(4, code) + body;
}

constexpr std::size_t version_3 = 3 << 16;

std::string startup(const std::string& settings) {
    return message(version_3, settings + "\0"s);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(postgres_startup)

BOOST_AUTO_TEST_CASE(user_and_database_are_found_among_other_settings) {
    const auto bytes =
        startup("application_name\0psql\0user\0ann\0client_encoding\0UTF8\0database\0shop\0"s);
    BOOST_TEST(however_cut(user, bytes) == found("ann"));
    BOOST_TEST(however_cut(database, bytes) == found("shop"));
    BOOST_TEST(however_cut(user, bytes + "p\0\0\0\x0asecret"s) == found("ann"));
    BOOST_TEST(whole(settings_of({user, database}), bytes) == found("3:ann,4:shop,"));
    // Bytes as they came, and the name of no setting as a value.
    BOOST_TEST(whole(user, startup("user\0\xff\x01 A\0database\0user\0"s)) == found("\xff\x01 A"));
}

BOOST_AUTO_TEST_CASE(a_database_is_the_users_by_default) {
    BOOST_TEST(however_cut(database, startup("user\0ann\0"s)) == found("ann"));
    BOOST_TEST(whole(database, startup("database\0\0user\0ann\0"s)) == found("ann"));
}

BOOST_AUTO_TEST_CASE(the_last_of_a_name_counts) {
    const auto bytes = startup("user\0ann\0database\0a\0user\0bob\0database\0b\0"s);
    BOOST_TEST(whole(user, bytes) == found("bob"));
    BOOST_TEST(whole(database, bytes) == found("b"));
}

BOOST_AUTO_TEST_CASE(every_minor_version_of_3_is_read) {
    for (const std::size_t minor : {0u, 2u, 9999u}) {
        BOOST_TEST(whole(user, message(version_3 + minor, "user\0ann\0\0"s)) == found("ann"));
    }
    for (const std::size_t code : {0u, 2u << 16, 4u << 16, 0x5432u}) {
        BOOST_TEST(however_cut(user, message(code, "user\0ann\0\0"s)) == malformed);
    }
}

BOOST_AUTO_TEST_CASE(without_a_user_both_are_missing) {
    for (const auto& part : {user, database}) {
        BOOST_TEST(however_cut(part, startup("")) == missing);
        BOOST_TEST(whole(part, startup("database\0shop\0"s)) == missing);
        BOOST_TEST(whole(part, startup("user\0\0database\0shop\0"s)) == missing);
    }
}

BOOST_AUTO_TEST_CASE(a_request_to_cancel_names_nobody) {
    const std::size_t cancel = 1234 << 16 | 5678;
    BOOST_TEST(however_cut(user, message(cancel, number(4, 4711) + number(4, 99))) == missing);
    // Since 3.2 the secret may be longer.
    BOOST_TEST(whole(database, message(cancel, number(4, 4711) + std::string(256, 's'))) ==
               missing);
}

// These are answered before the key is read.
BOOST_AUTO_TEST_CASE(requests_for_encryption_are_no_startup_message) {
    for (const std::size_t code : {1234u << 16 | 5679u, 1234u << 16 | 5680u}) {
        BOOST_TEST(however_cut(user, message(code, "")) == malformed);
    }
}

BOOST_AUTO_TEST_CASE(lengths_that_no_server_takes_are_malformed) {
    for (const std::size_t size : {0u, 4u, 7u, 10'005u, 1u << 31}) {
        BOOST_TEST(however_cut(user, number(4, size)) == malformed, size);
    }
    const auto longest = startup("user\0ann\0x\0"s + std::string(9'983, 'x') + "\0"s);
    BOOST_TEST(longest.size() == 10'004u);
    BOOST_TEST(whole(user, longest) == found("ann"));
    BOOST_TEST(whole(user, number(4, 10'004)) == refused(ParseStatus::more));
    BOOST_TEST(whole(user, "") == refused(ParseStatus::more));
    BOOST_TEST(whole(user, "GET / HTTP/1.1\r\n") == malformed);
    BOOST_TEST(whole(user, "\x16\x03\x01\x02\x00"s) == malformed);
}

BOOST_AUTO_TEST_CASE(settings_end_where_the_message_ends) {
    for (const auto& body : {""s, "user"s, "user\0"s, "user\0ann"s, "user\0ann\0"s,
                             "user\0ann\0\0\0"s, "user\0ann\0\0x"s, "user\0ann\0database\0\0"s}) {
        BOOST_TEST(however_cut(user, message(version_3, body) + "\0\0\0"s) == malformed);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// Keys from ClientHellos, sound, broken, and cut into records and segments.
#include "proxy/keys/client_hello.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/keys/answers.h"
#include "tests/proxy/keys/tls_bytes.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace std::string_literals;
using namespace ringway::test;

namespace {

const KeyPart sni{.from = From::sni};
const KeyPart alpn{.from = From::alpn};

const std::string both = extension(10, "ab") + server_name("Www.Example.ORG") +
                         protocols({"h2", "http/1.1"}) + extension(43, "\x02\x03\x04"s);

}  // namespace

BOOST_AUTO_TEST_SUITE(client_hello)

BOOST_AUTO_TEST_CASE(the_name_is_found_in_lower_case_and_the_first_protocol_as_it_is) {
    BOOST_TEST(however_cut(sni, record(hello(both))) == found("www.example.org"));
    BOOST_TEST(however_cut(alpn, record(hello(both))) == found("h2"));
    BOOST_TEST(whole(alpn, record(hello(protocols({"H2"})))) == found("H2"));
    BOOST_TEST(whole(settings_of({sni, alpn}), record(hello(both))) ==
               found("15:www.example.org,2:h2,"));
}

BOOST_AUTO_TEST_CASE(records_may_cut_the_message_anywhere) {
    const std::string message = hello(both);
    for (std::size_t size = 1; size <= message.size(); ++size) {
        BOOST_TEST(whole(sni, in_records(message, size)) == found("www.example.org"),
                   "records of " << size);
    }
    for (std::size_t cut = 1; cut < message.size(); ++cut) {
        const auto bytes = record(message.substr(0, cut)) + record(message.substr(cut));
        BOOST_TEST(whole(sni, bytes) == found("www.example.org"), "record cut at " << cut);
    }
    BOOST_TEST(however_cut(sni, in_records(message, 7)) == found("www.example.org"));
}

// What `openssl s_client` sends under many options, kept for the fuzzer too.
BOOST_AUTO_TEST_CASE(real_hellos_give_their_name_however_records_and_segments_cut_them) {
    int hellos = 0;
    for (const auto& entry : std::filesystem::directory_iterator(HELLOS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::string bytes((std::istreambuf_iterator<char>(file)), {});
        bytes.erase(0, 3);  // the fuzzer's
        const std::string title = entry.path().filename();
        const bool has_name = title.find("no_name") == std::string::npos &&
                              title.find("without_a_name") == std::string::npos;
        const Answer expected = has_name ? found("www.example.org") : refused(ParseStatus::missing);
        BOOST_TEST_CONTEXT(title) {
            BOOST_TEST(however_cut(sni, bytes) == expected);
            const std::string message = bytes.substr(5);
            for (std::size_t cut = 1; cut < message.size(); ++cut) {
                const auto two = record(message.substr(0, cut)) + record(message.substr(cut));
                BOOST_TEST(whole(sni, two) == expected, "record cut at " << cut);
            }
        }
        ++hellos;
    }
    BOOST_TEST(hellos >= 10);
}

BOOST_AUTO_TEST_CASE(what_follows_the_message_does_not_matter) {
    BOOST_TEST(however_cut(sni, record(hello(both)) + "early data") == found("www.example.org"));
    BOOST_TEST(whole(sni, record(hello(both) + "more")) == found("www.example.org"));
}

BOOST_AUTO_TEST_CASE(a_hello_without_the_extension_misses_the_key) {
    BOOST_TEST(however_cut(sni, record(hello(protocols({"h2"})))) == refused(ParseStatus::missing));
    BOOST_TEST(whole(alpn, record(hello(server_name("a")))) == refused(ParseStatus::missing));
    BOOST_TEST(whole(sni, record(hello(""))) == refused(ParseStatus::missing));
    BOOST_TEST(whole(sni, record(handshake(hello_body()))) == refused(ParseStatus::missing));
}

BOOST_AUTO_TEST_CASE(what_does_not_begin_as_tls_is_told_apart_at_once) {
    BOOST_TEST(however_cut(sni, "GET / HTTP/1.1\r\n") == refused(ParseStatus::not_tls));
    BOOST_TEST(however_cut(sni, "\x16\x02\x01") == refused(ParseStatus::not_tls));
    BOOST_TEST(whole(sni, record(hello(both), 23)) == refused(ParseStatus::not_tls));
    BOOST_TEST(whole(sni, record(hello(both), 22, 254)) == refused(ParseStatus::not_tls));
    BOOST_TEST(whole(sni, "\x80\x2e\x01\x03\x01"s) == refused(ParseStatus::not_tls));  // SSL 2
    BOOST_TEST(whole(sni, "") == refused(ParseStatus::more));
    BOOST_TEST(whole(sni, "\x16\x03"s) == refused(ParseStatus::more));
}

BOOST_AUTO_TEST_CASE(records_that_no_tls_client_sends_are_malformed) {
    const std::string message = hello(both);
    BOOST_TEST(however_cut(sni, record("")) == refused(ParseStatus::malformed));
    BOOST_TEST(whole(sni, record(message.substr(0, 5)) + record("")) ==
               refused(ParseStatus::malformed));
    BOOST_TEST(whole(sni, record(message.substr(0, 5)) + record(message.substr(5), 21)) ==
               refused(ParseStatus::malformed));
    BOOST_TEST(whole(sni, record(message.substr(0, 5)) + "GET") == refused(ParseStatus::malformed));
    BOOST_TEST(whole(sni, "\x16\x03\x01\x40\x01"s) == refused(ParseStatus::malformed));
    BOOST_TEST(whole(sni, "\x16\x03\x01\x40\x00"s) == refused(ParseStatus::more));
    BOOST_TEST(whole(sni, record(handshake(hello_body(), 2))) == refused(ParseStatus::malformed));
}

BOOST_AUTO_TEST_CASE(names_that_no_server_takes_are_malformed) {
    const auto answer = [](const std::string& extensions) {
        return whole(sni, record(hello(extensions)));
    };
    BOOST_TEST(answer(server_name("")) == malformed);
    BOOST_TEST(answer(server_name("a\0b"s)) == malformed);
    BOOST_TEST(answer(server_name(std::string(255, 'a'))) == found(std::string(255, 'a')));
    BOOST_TEST(answer(server_name(std::string(256, 'a'))) == malformed);
    BOOST_TEST(answer(server_name("a", 1)) == malformed);
    BOOST_TEST(answer(server_name("a") + server_name("a")) == malformed);
    BOOST_TEST(answer(extension(0, "")) == malformed);
    BOOST_TEST(answer(extension(0, field(2, "\0"s + field(2, "a") + "\0"s + field(2, "b")))) ==
               malformed);
    BOOST_TEST(answer(protocols({})) == malformed);
    BOOST_TEST(answer(protocols({""})) == malformed);
    BOOST_TEST(answer(protocols({"h2"}) + protocols({"h2"})) == malformed);
}

// Whatever length is wrong, the message is refused, and nothing is read beyond it.
BOOST_AUTO_TEST_CASE(a_message_cut_short_anywhere_is_malformed) {
    const std::string body = hello_body() + field(2, both);
    for (std::size_t size = 0; size < body.size(); ++size) {
        const Answer answer = whole(sni, record(handshake(body.substr(0, size))));
        // Before TLS 1.3 a hello may end where the extensions would begin.
        const bool is_old_form = size == hello_body().size();
        BOOST_TEST(answer == refused(is_old_form ? ParseStatus::missing : ParseStatus::malformed),
                   "body of " << size << " bytes");
    }
    BOOST_TEST(whole(sni, record(handshake(body + "x"))) == refused(ParseStatus::malformed));
}

BOOST_AUTO_TEST_CASE(random_damage_gives_one_answer_however_the_bytes_are_cut) {
    SeededRandom random;
    const std::string message = hello(both);
    for (int round = 0; round < 5'000; ++round) {
        std::string bytes = in_records(message, random.between(1, 200));
        for (std::size_t left = random.below(4); left > 0; --left) {
            bytes[random.below(bytes.size())] = static_cast<char>(random());
        }
        std::vector<std::size_t> cuts(random.below(6));
        for (std::size_t& cut : cuts) cut = random.below(bytes.size() + 1);
        std::ranges::sort(cuts);
        const auto settings = settings_of({sni, alpn});
        const ParseStatus status = in_segments(settings, bytes, cuts).status;
        BOOST_REQUIRE((status == whole(settings, bytes).status));
    }
}

BOOST_AUTO_TEST_SUITE_END()

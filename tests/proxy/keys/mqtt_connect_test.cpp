// Keys from CONNECT packets of MQTT, sound, broken, and cut anywhere.
#include "proxy/keys/mqtt_connect.h"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/keys/answers.h"
#include "tests/proxy/keys/tls_bytes.h"

using namespace ringway;
using namespace std::string_literals;
using namespace ringway::test;

namespace {

const KeyPart client_id{.from = From::mqtt_client_id};
const KeyPart username{.from = From::mqtt_username};

enum Flag : unsigned char { clean = 0x02, will = 0x04, password = 0x40, user = 0x80 };

std::string integer(std::size_t value) {
    std::string out;
    do {
        out += static_cast<char>(value % 128 | (value >= 128 ? 128 : 0));
        value /= 128;
    } while (value > 0);
    return out;
}

std::string packet(const std::string& body) {
    return "\x10" + integer(body.size()) + body;
}

// What comes before the properties or the payload.
std::string begin(const std::string& name, int level, int flags) {
    return field(2, name) + static_cast<char>(level) + static_cast<char>(flags) + "\0\x3c"s;
}
std::string v3(int flags) {
    return begin("MQTT", 4, flags);
}

// A hundred bytes of properties, in 5.0.
const std::string properties = integer(100) + std::string(100, '\x26');

}  // namespace

BOOST_AUTO_TEST_SUITE(mqtt_connect)

BOOST_AUTO_TEST_CASE(the_client_id_is_found_in_every_version) {
    const auto id = field(2, "sensor-7");
    BOOST_TEST(however_cut(client_id, packet(begin("MQIsdp", 3, clean) + id)) == found("sensor-7"));
    BOOST_TEST(however_cut(client_id, packet(v3(clean) + id)) == found("sensor-7"));
    BOOST_TEST(however_cut(client_id, packet(begin("MQTT", 5, clean) + properties + id)) ==
               found("sensor-7"));
    BOOST_TEST(however_cut(client_id, packet(begin("MQTT", 5, clean) + "\0"s + id)) ==
               found("sensor-7"));
    // Written by hand, from the example of 3.1.1, 3.1.2.
    BOOST_TEST(whole(client_id, "\x10\x0f\x00\x04MQTT\x04\xce\x00\x0a\x00\x03"s + "c-1") ==
               found("c-1"));
}

BOOST_AUTO_TEST_CASE(the_username_is_found_behind_everything_before_it) {
    const auto id = field(2, "sensor-7");
    const auto last = field(2, "höhe") + field(2, "secret");
    const auto wills = field(2, "will/topic") + field(2, "\xff\x00"s);
    for (const auto& [name, level] : {std::pair{"MQIsdp", 3}, {"MQTT", 4}}) {
        BOOST_TEST(however_cut(username, packet(begin(name, level, user | password) + id + last)) ==
                   found("höhe"));
        BOOST_TEST(however_cut(username, packet(begin(name, level, user | will) + id + wills +
                                                last)) == found("höhe"));
    }
    BOOST_TEST(however_cut(username, packet(begin("MQTT", 5, user | will) + properties + id +
                                            properties + wills + last)) == found("höhe"));
    BOOST_TEST(whole(settings_of({client_id, username}), packet(v3(user) + id + last)) ==
               found("8:sensor-7,5:höhe,"));
    // Nobody needs a client id to have a username.
    BOOST_TEST(whole(username, packet(v3(user | clean) + field(2, "") + last)) == found("höhe"));
}

BOOST_AUTO_TEST_CASE(an_empty_id_and_no_username_are_missing) {
    BOOST_TEST(however_cut(client_id, packet(v3(clean) + field(2, ""))) == missing);
    BOOST_TEST(however_cut(username, packet(v3(clean) + field(2, "a"))) == missing);
    BOOST_TEST(however_cut(username, packet(v3(user) + field(2, "a") + field(2, ""))) == missing);
    BOOST_TEST(however_cut(username, packet(begin("MQTT", 5, password) + properties +
                                            field(2, "a") + field(2, "p"))) == missing);
}

BOOST_AUTO_TEST_CASE(the_key_does_not_wait_for_what_follows_it) {
    const auto body = v3(user | will | clean) + field(2, "sensor-7");
    const auto half = "\x10" + integer(60'000) + body;
    BOOST_TEST(however_cut(client_id, half) == found("sensor-7"));
    BOOST_TEST(whole(username, half) == refused(ParseStatus::more));
    BOOST_TEST(whole(client_id, half.substr(0, half.size() - 1)) == refused(ParseStatus::more));
    BOOST_TEST(whole(client_id, "") == refused(ParseStatus::more));
    // Nor do packets behind the first matter.
    BOOST_TEST(however_cut(client_id, packet(body) + "\x30\x02zz") == found("sensor-7"));
}

BOOST_AUTO_TEST_CASE(what_is_no_connect_is_malformed) {
    const auto id = field(2, "a");
    BOOST_TEST(however_cut(client_id, "GET / HTTP/1.1\r\n\r\n") == malformed);
    BOOST_TEST(whole(client_id, "\x16\x03\x01\x00\x05"s) == malformed);
    BOOST_TEST(whole(client_id, "\x11") == malformed);  // a flag that must be zero
    BOOST_TEST(whole(client_id, "\x30") == malformed);  // PUBLISH
    for (const int level : {0, 3, 6, 0x44, 0xff}) {
        BOOST_TEST(however_cut(client_id, packet(begin("MQTT", level, 0) + id)) == malformed);
    }
    for (const int level : {0, 2, 4, 5}) {
        BOOST_TEST(whole(client_id, packet(begin("MQIsdp", level, 0) + id)) == malformed);
    }
    for (const auto* name : {"", "mqtt", "MQTTX", "MQTS"}) {
        BOOST_TEST(whole(client_id, packet(begin(name, 4, 0) + id)) == malformed);
    }
}

BOOST_AUTO_TEST_CASE(bridges_of_mosquitto_are_clients_too) {
    const auto id = field(2, "site.bridge");
    BOOST_TEST(whole(client_id, packet(begin("MQIsdp", 0x83, 0) + id)) == found("site.bridge"));
    BOOST_TEST(whole(client_id, packet(begin("MQTT", 0x84, 0) + id)) == found("site.bridge"));
}

BOOST_AUTO_TEST_CASE(a_length_has_four_bytes_at_most) {
    const auto body = v3(clean) + field(2, "a");
    const auto size = static_cast<char>(body.size() | 0x80);
    BOOST_TEST(however_cut(client_id, "\x10"s + size + "\x80\x80\x00"s + body) == found("a"));
    BOOST_TEST(however_cut(client_id, "\x10"s + size + "\x80\x80\x80\x00"s + body) == malformed);
    BOOST_TEST(whole(client_id, "\x10\xff\xff\xff") == refused(ParseStatus::more));
    BOOST_TEST(whole(client_id, "\x10\xff\xff\xff\x7f") == refused(ParseStatus::more));
    BOOST_TEST(whole(client_id, "\x10\xff\xff\xff\xff") == malformed);
    const auto v5 = [](const std::string& length) {
        return packet(begin("MQTT", 5, clean) + length + field(2, "a"));
    };
    BOOST_TEST(however_cut(client_id, v5("\x80\x80\x80\x00"s)) == found("a"));
    BOOST_TEST(however_cut(client_id, v5("\x80\x80\x80\x80\x00"s)) == malformed);
    const auto will_of = [](const std::string& length) {
        return packet(begin("MQTT", 5, user | will) + "\0"s + field(2, "a") + length +
                      field(2, "t") + field(2, "m") + field(2, "u"));
    };
    BOOST_TEST(however_cut(username, will_of("\x80\x00"s)) == found("u"));
    BOOST_TEST(however_cut(username, will_of("\xff\xff\xff\xff"s)) == malformed);
}

BOOST_AUTO_TEST_CASE(flags_that_contradict_each_other_are_malformed) {
    const auto with = [](const KeyPart& part, const std::string& name, int level, int flags) {
        const auto none = level == 5 ? "\0"s : ""s;
        const auto wills = none + field(2, "t") + field(2, "m");
        return whole(part, packet(begin(name, level, flags) + none + field(2, "a") +
                                  ((flags & will) != 0 ? wills : "") + field(2, "u")));
    };
    constexpr int qos_1 = 0x08;
    constexpr int qos_3 = 0x18;
    constexpr int retain = 0x20;
    for (const int level : {4, 5}) {
        for (const int flags : {1, qos_1, retain, will | qos_3, will | 1}) {
            BOOST_TEST(with(client_id, "MQTT", level, flags) == malformed, level << ' ' << flags);
            BOOST_TEST(with(username, "MQTT", level, flags | user) == malformed);
        }
        BOOST_TEST(with(username, "MQTT", level, user | will | qos_1 | retain) == found("u"));
    }
    BOOST_TEST(with(client_id, "MQTT", 4, password) == malformed);
    BOOST_TEST(with(client_id, "MQTT", 5, password) == found("a"));
    // 3.1 asks servers to check none of them.
    BOOST_TEST(with(client_id, "MQIsdp", 3, 1 | qos_1 | retain) == found("a"));
}

BOOST_AUTO_TEST_CASE(text_is_utf_8_without_zeros) {
    const auto named = [](const std::string& id, const std::string& user_name,
                          const std::string& topic = "t") {
        return packet(v3(user | will) + field(2, id) + field(2, topic) + field(2, "\xff") +
                      field(2, user_name));
    };
    for (const auto& wrong : {"a\0b"s, "\xff"s, "\xc0\x80"s, "\xed\xa0\x80"s, "a\xc3"s}) {
        BOOST_TEST(however_cut(client_id, named(wrong, "u")) == malformed);
        BOOST_TEST(however_cut(username, named(wrong, "u")) == malformed);
        BOOST_TEST(however_cut(username, named("a", wrong)) == malformed);
        BOOST_TEST(however_cut(username, named("a", "u", wrong)) == malformed);
        BOOST_TEST(whole(client_id, named("a", wrong)) == found("a"));
    }
    BOOST_TEST(whole(client_id, named("日本-1", "u")) == found("日本-1"));
}

// What says that more follows than the packet has is malformed; nothing is read beyond it.
BOOST_AUTO_TEST_CASE(a_packet_that_ends_before_its_fields_is_malformed) {
    const auto body = begin("MQTT", 5, user | will) + properties + field(2, "id") + properties +
                      field(2, "topic") + field(2, "message") + field(2, "ann");
    const auto id_ends = begin("MQTT", 5, 0).size() + properties.size() + 4;
    for (std::size_t size = 0; size < body.size(); ++size) {
        const auto bytes = packet(body.substr(0, size)) + "what follows it";
        BOOST_TEST(whole(username, bytes) == malformed, "body of " << size);
        BOOST_TEST(whole(client_id, bytes) == (size < id_ends ? malformed : found("id")));
    }
    BOOST_TEST(whole(username, packet(body)) == found("ann"));
}

BOOST_AUTO_TEST_SUITE_END()

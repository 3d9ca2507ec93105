// What concerns the file as a whole: its syntax, and what entries far apart have
// to agree on.
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/conf/sample.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;

BOOST_AUTO_TEST_SUITE(document)

BOOST_AUTO_TEST_CASE(an_empty_file_is_refused_with_the_required_entries) {
    for (const std::string text : {"", "\n\n", "# only a comment\n", "---\n", "~"}) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(errors_of(text) ==
                       "1:1: the file is empty: expected version, listeners and pools\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_file_is_one_map) {
    BOOST_TEST(errors_of("[1]") == "1:1: expected a map, found a list\n");
    BOOST_TEST(errors_of("hello") == "1:1: expected a map, found \"hello\"\n");
}

BOOST_AUTO_TEST_CASE(required_entries_are_named) {
    BOOST_TEST(errors_of("{}") ==
               "1:1: the entry \"version\" is missing\n"
               "1:1: the entry \"listeners\" is missing\n"
               "1:1: the entry \"pools\" is missing\n");
    BOOST_TEST(errors_of("version: 1\nlisteners: [{}]\npools: {p: {servers: [{}]}}\n") ==
               "2:13: listeners[0]: the entry \"name\" is missing\n"
               "2:13: listeners[0]: the entry \"bind\" is missing\n"
               "2:13: listeners[0]: the entry \"pool\" is missing\n"
               "3:23: pools.p.servers[0]: the entry \"id\" is missing\n"
               "3:23: pools.p.servers[0]: the entry \"address\" is missing\n");
}

BOOST_AUTO_TEST_CASE(one_listener_is_the_least) {
    BOOST_TEST(errors_of("version: 1\nlisteners: []\npools: {}\n") ==
               "2:12: listeners: expected at least one listener\n");
}

BOOST_AUTO_TEST_CASE(all_errors_are_told_at_once_in_file_order) {
    const std::string text =
        "version: 2\n"
        "pools:\n"
        "  main: {servers: [{id: a, address: x}]}\n"
        "listeners:\n"
        "  - {name: a b, bind: x, pool: mian}\n"
        "log: {level: loud, access: 3}\n"
        "zzz: 1\n";
    const std::string address =
        "expected an IP address and a port, as 192.0.2.1:80 or, in quotes, \"[2001:db8::1]:80\", "
        "or unix:/path, found \"x\"\n";
    const std::string server_address =
        "expected an IP address and a port, as 192.0.2.1:80 or, in quotes, \"[2001:db8::1]:80\", "
        "the name of a host and a port, as db-0.example:80, or unix:/path, found \"x\"\n";
    BOOST_TEST(errors_of(text) ==
               "1:10: version: expected 1, found \"2\"\n"
               "3:37: pools.main.servers[0].address: " +
                   server_address +
                   "5:12: listeners[0].name: expected 1 to 64 of the characters A-Z a-z 0-9 _ . -, "
                   "found \"a b\"\n"
                   "5:23: listeners[0].bind: " +
                   address +
                   "5:32: listeners[0].pool: there is no pool \"mian\", did you mean \"main\"?\n"
                   "6:14: log.level: expected one of debug, info, warn, error, found \"loud\"\n"
                   "6:28: log.access: expected true or false, found \"3\"\n"
                   "7:1: zzz: unknown entry, known here: version, workers, engine, drain_delay, "
                   "drain_timeout, pools, listeners, admin, log, dns, fleet\n");
}

BOOST_AUTO_TEST_CASE(an_error_is_printed_as_compilers_do) {
    BOOST_TEST((Error{{3, 9}, "a.b", "is wrong"}.to_string("x.yaml")) ==
               "x.yaml:3:9: a.b: is wrong");
    BOOST_TEST((Error{{}, "", "is wrong"}.to_string("x.yaml")) == "x.yaml: is wrong");
}

BOOST_AUTO_TEST_CASE(what_must_differ_is_shown_with_both_places) {
    const std::string text =
        "version: 1\n"
        "listeners:\n"
        "  - {name: a, bind: \"[::1]:80\", pool: p}\n"
        "  - {name: a, bind: \"[0:0::1]:80\", pool: p}\n"
        "pools:\n"
        "  p:\n"
        "    servers:\n"
        "      - {id: x, address: \"10.0.0.1:80\"}\n"
        "      - {id: x, address: \"10.0.0.2:80\"}\n";
    BOOST_TEST(errors_of(text) ==
               "4:12: listeners[1].name: the name \"a\" given twice, at 3:12 and 4:12\n"
               "4:21: listeners[1].bind: the address \"[::1]:80\" given twice, at 3:21 and 4:21\n"
               "9:14: pools.p.servers[1].id: the id \"x\" given twice, at 8:14 and 9:14\n");
}

// Whether two listeners can both get clients depends on the kernel's rules, not on the spelling.
BOOST_AUTO_TEST_CASE(addresses_are_compared_as_the_kernel_sees_them) {
    const auto with = [](std::string_view first, std::string_view second,
                         std::string_view admin = "{}") {
        return errors_of(
            "version: 1\nlisteners:\n  - {name: a, bind: \"" + std::string(first) +
            "\", pool: p, key: first_line}\n  - {name: b, bind: \"" + std::string(second) +
            "\", pool: p, key: first_line}\npools: {p: {}}\nadmin: " + std::string(admin) + "\n");
    };
    BOOST_TEST(with("127.0.0.1:80", "[::ffff:127.0.0.1]:80") ==
               "4:21: listeners[1].bind: one address as \"127.0.0.1:80\" and "
               "\"[::ffff:127.0.0.1]:80\" given twice, at 3:21 and 4:21: only one of them would "
               "get clients\n");
    BOOST_TEST(with("unix:/run/x.sock", "unix:/run//x.sock") ==
               "4:21: listeners[1].bind: the address \"unix:/run/x.sock\" given twice, at 3:21 "
               "and 4:21\n");
    BOOST_TEST(with("unix:/run/x.sock", "unix:/run/y/../x.sock") != "");
    BOOST_TEST(with("0.0.0.0:80", "[::ffff:0.0.0.0]:80") != "");
    // The more specific one, and IPv4 before IPv6, gets the clients: both have some.
    BOOST_TEST(with("0.0.0.0:80", "[::]:80") == "");
    BOOST_TEST(with("0.0.0.0:80", "127.0.0.1:80") == "");
    BOOST_TEST(with("[::]:80", "[::ffff:127.0.0.1]:80") == "");
    BOOST_TEST(with("[::1]:80", "127.0.0.1:80") == "");
    BOOST_TEST(with("127.0.0.1:80", "[::ffff:127.0.0.1]:81") == "");

    BOOST_TEST(with("127.0.0.1:80", "0.0.0.0:90", "{http: \"127.0.0.1:90\"}") ==
               "6:15: admin.http: \"127.0.0.1:90\" overlaps \"0.0.0.0:90\", the listener's at "
               "4:21\n");
    BOOST_TEST(with("127.0.0.1:80", "127.0.0.1:90", "{http: \"[::]:90\"}") != "");
    BOOST_TEST(with("127.0.0.1:80", "127.0.0.1:90", "{http: \"[::1]:90\"}") == "");
    BOOST_TEST(with("127.0.0.1:80", "unix:/run/x.sock", "{socket: /run/./x.sock}") ==
               "6:17: admin.socket: \"unix:/run/./x.sock\" overlaps \"unix:/run/x.sock\", the "
               "listener's at 4:21\n");
    BOOST_TEST(with("127.0.0.1:80", "unix:/run/x.sock", "{socket: /run/y.sock}") == "");

    BOOST_TEST(with("127.0.0.1:80", "224.0.0.1:80") ==
               "4:21: listeners[1].bind: a multicast address has no TCP clients\n");
    BOOST_TEST(with("127.0.0.1:80", "[ff02::1]:80") ==
               "4:21: listeners[1].bind: a multicast address has no TCP clients\n");
    BOOST_TEST(with("127.0.0.1:80", "255.255.255.255:80") ==
               "4:21: listeners[1].bind: the broadcast address has no TCP clients\n");
    BOOST_TEST(with("127.0.0.1:80", "[fe80::1]:80") ==
               "4:21: listeners[1].bind: a link-local address needs an interface, which cannot be "
               "given\n");
}

BOOST_AUTO_TEST_CASE(pools_may_share_ids_and_servers_an_address) {
    const std::string text =
        "version: 1\n"
        "listeners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\n"
        "pools:\n"
        "  p: {servers: [{id: x, address: \"10.0.0.1:80\"}, {id: y, address: \"10.0.0.1:80\"}]}\n"
        "  q: {servers: [{id: x, address: \"10.0.0.1:80\"}]}\n";
    BOOST_TEST(errors_of(text) == "");
}

BOOST_AUTO_TEST_CASE(names_keep_to_their_characters) {
    const std::string error = ": expected 1 to 64 of the characters A-Z a-z 0-9 _ . -, found ";
    const auto with_pool = [](const std::string& name) {
        return "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\npools:\n  p: "
               "{}\n  " +
               name + ": {}\n";
    };
    BOOST_TEST(errors_of(with_pool(std::string(64, 'x'))) == "");
    BOOST_TEST(errors_of(with_pool("A-z_0.9")) == "");
    BOOST_TEST(errors_of(with_pool("a/b")) == "5:3: pools[\"a/b\"]" + error + "\"a/b\"\n");
    BOOST_TEST(errors_of(with_pool("\"\"")) == "5:3: pools" + error + "\"\"\n");
    BOOST_TEST(errors_of(with_pool("\"\\e[2J\"")) ==
               "5:3: pools[\"\\x1b[2J\"]" + error + "\"\\x1b[2J\"\n");
    const std::string x64(64, 'x');
    BOOST_TEST(errors_of(with_pool(x64 + "y")) ==
               "5:3: pools[\"" + x64 + "...\"]" + error + '"' + x64 + "...\"\n");
}

BOOST_AUTO_TEST_CASE(ids_are_any_printable_text) {
    const auto with_id = [](const std::string& id) {
        return "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\n"
               "pools: {p: {servers: [{address: \"10.0.0.1:80\", id: " +
               id + "}]}}\n";
    };
    BOOST_TEST(config_of(with_id("\"s\\xFCd 1/\\u2713\"")).pools[0].servers[0].id ==
               "s\xC3\xBC"
               "d 1/\xE2\x9C\x93");
    BOOST_TEST(config_of(with_id("007")).pools[0].servers[0].id == "007");
    BOOST_TEST(config_of(with_id("true")).pools[0].servers[0].id == "true");
    BOOST_TEST(config_of(with_id(std::string(255, 'i'))).pools[0].servers[0].id.size() == 255U);
    const std::string path = "3:52: pools.p.servers[0].id: ";
    BOOST_TEST(errors_of(with_id(std::string(256, 'i'))) ==
               path + "expected 1 to 255 bytes, found 256\n");
    for (const std::string id : {"\"a\\tb\"", "\"\\0\"", "\"\\x7F\"", "\"\\x9B\""}) {
        BOOST_TEST(errors_of(with_id(id)) == path + "expected text without control characters\n");
    }
}

BOOST_AUTO_TEST_CASE(a_ring_beyond_the_cap_is_refused_with_the_numbers) {
    const auto with = [](int vnodes, int weight) {
        std::string text =
            "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\npools:\n"
            "  p:\n    hash: {vnodes: " +
            std::to_string(vnodes) + "}\n    servers:\n";
        for (int i = 0; i < 2; ++i) {
            text += "      - {id: s" + std::to_string(i) +
                    ", address: \"10.0.0.1:80\", weight: " + std::to_string(weight) + "}\n";
        }
        return text;
    };
    BOOST_TEST(errors_of(with(65'536, 128)) == "");
    BOOST_TEST(
        errors_of(with(65'536, 129)) ==
        "7:7: pools.p.servers: expected a ring of at most 16777216 points, found 258 (sum of "
        "weights) x 65536 (vnodes) = 16908288\n");
}

BOOST_AUTO_TEST_CASE(a_maglev_pool_is_not_measured_in_points) {
    for (const std::string hash : {"algorithm: maglev", "algorithm: ring"}) {
        std::string text =
            "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\npools:\n"
            "  p:\n    hash: {" +
            hash + "}\n    servers:\n";
        for (int i = 0; i < 24; ++i) {
            text += "      - {id: s" + std::to_string(i) +
                    ", address: \"10.0.0.1:80\", weight: 1000}\n";
        }
        BOOST_TEST(errors_of(text).empty() == (hash == "algorithm: maglev"));
    }
}

BOOST_AUTO_TEST_CASE(a_pool_has_at_most_65535_servers) {
    std::string text =
        "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\n"
        "pools:\n  p:\n    hash: {vnodes: 1}\n    servers:\n";
    for (int i = 0; i < 65'535; ++i) {
        text += "    - {id: s" + std::to_string(i) + ", address: \"10.0.0.1:80\"}\n";
    }
    BOOST_TEST(errors_of(text) == "");
    text += "    - {id: one-more, address: \"10.0.0.1:80\"}\n";
    BOOST_TEST(errors_of(text) ==
               "7:5: pools.p.servers: expected at most 65535 servers, found 65536\n");
}

BOOST_AUTO_TEST_CASE(bad_yaml_is_placed) {
    BOOST_TEST(errors_of("a: [1, 2\n") == "2:1: not valid YAML: end of sequence flow not found\n");
    BOOST_TEST(errors_of("a: 1\n  b: 2\n") == "2:4: not valid YAML: illegal map value\n");
    BOOST_TEST(errors_of("a: \"\\\xf0\x9f\x92\xa1\"\n") ==
               "1:7: not valid YAML: \"unknown escape character: \\xf0\"\n");
    BOOST_TEST(errors_of("version: 1\n\tb: 1\n") ==
               "2:2: expected spaces before this, found a tab\n");
    BOOST_TEST(errors_of("a: *b\n") ==
               "1:4: not valid YAML: the referenced anchor is not defined\n");
}

BOOST_AUTO_TEST_CASE(several_documents_are_refused) {
    const auto text = sample() + "---\nversion: 1\n";
    BOOST_TEST(errors_of(text) == "15:1: expected one document, found a second\n");
}

BOOST_AUTO_TEST_CASE(what_hides_or_repeats_values_is_refused) {
    BOOST_TEST(errors_of(sample({"workers: &w 2", {}, {}, {}})) ==
               "2:10: anchors (&name) are not supported\n");
    BOOST_TEST(errors_of(sample({"workers: &w 2", {}, "connect: {attempts: *w}", {}})) ==
               "2:10: anchors (&name) are not supported\n"
               "10:25: aliases (*name) are not supported: write the value out\n");
    BOOST_TEST(errors_of(sample({"workers: !!int 2", {}, {}, {}})) ==
               "2:10: tags are not supported\n");
    BOOST_TEST(errors_of(sample({{}, {}, "<<: {slow_start: 3}", {}})) ==
               "10:5: pools.main: merge keys (<<) are not supported: write the entries out\n");
}

BOOST_AUTO_TEST_CASE(a_text_is_utf_8_without_control_characters) {
    const std::string control = "1:4: expected text, found the control character ";
    BOOST_TEST(errors_of("a: \xFF") == "1:4: expected UTF-8 text, found another byte\n");
    BOOST_TEST(errors_of("a: \xED\xA0\x80") == "1:4: expected UTF-8 text, found another byte\n");
    BOOST_TEST(errors_of("a: \xC0\x80") == "1:4: expected UTF-8 text, found another byte\n");
    BOOST_TEST(errors_of(std::string("a: \0b", 5)) == control + "\"\\x00\"\n");
    BOOST_TEST(errors_of("a: \x04") == control + "\"\\x04\"\n");
    BOOST_TEST(errors_of("a: \x7F") == control + "\"\\x7f\"\n");
    BOOST_TEST(errors_of("a: \r") == control + "\"\\x0d\"\n");
    BOOST_TEST(errors_of("\xFE\xFFversion: 1") == "1:1: expected UTF-8 text, found another byte\n");
}

BOOST_AUTO_TEST_CASE(windows_line_ends_and_a_byte_order_mark_are_harmless) {
    std::string text = "\xEF\xBB\xBF";
    for (const char c : sample()) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
    BOOST_TEST(errors_of(text) == "");
}

BOOST_AUTO_TEST_SUITE_END()

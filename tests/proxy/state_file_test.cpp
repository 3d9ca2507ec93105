#include "proxy/control/state_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/control/state_text.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"

using namespace ringway;
using proxy::AdminState;
using proxy::Overrides;
using proxy::ServerOverrides;
using proxy::StateFile;

namespace {

Overrides some() {
    const ServerOverrides::Registration here{test::endpoint("192.0.2.7:7"), 3};
    const ServerOverrides::Registration there{test::endpoint("unix:/run/a \"b\".sock"), 0};
    return {{"main",
             {{"a", {.unregistered = true}},
              {"b", {.admin_state = AdminState::online}},
              {"c", {.weight = 7, .address = test::endpoint("192.0.2.9:9")}},
              {"r", {.registered = here, .admin_state = AdminState::drain}}}},
            {"other", {{"u", {.registered = there}}}}};
}

std::string read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string wrong(std::string_view text) {
    const auto parsed = proxy::parse_state(text);
    return parsed.error().text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(state_file)

BOOST_AUTO_TEST_CASE(what_is_kept_is_what_is_loaded) {
    const test::TempDir dir;
    const std::string path = dir.path("state.json");
    StateFile file(path);
    BOOST_TEST(file.load().value().empty());  // there is none yet
    BOOST_TEST(file.keep(some()).has_value());
    BOOST_TEST(file.written_at().has_value());
    StateFile again(path);
    BOOST_TEST((again.load().value() == some()));
    struct stat status {};
    BOOST_TEST(::stat(path.c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777) == 0600);
    BOOST_TEST(!std::filesystem::exists(path + ".new"));
}

BOOST_AUTO_TEST_CASE(one_server_is_one_line_that_people_can_read) {
    BOOST_TEST(proxy::state_text({}) == "{\"version\": 1, \"servers\": [\n]}\n");
    BOOST_TEST(proxy::state_text({{"p", {{"a", {.unregistered = true}}}}}) ==
               "{\"version\": 1, \"servers\": [\n"
               "{\"pool\":\"p\",\"id\":\"a\",\"unregistered\":true}\n"
               "]}\n");
}

BOOST_AUTO_TEST_CASE(ids_of_odd_bytes_come_back) {
    std::vector<std::string> ids{"a b",
                                 "\"",
                                 "\\",
                                 "s\xC3\xBC"
                                 "d",
                                 "\xF0\x9F\x92\xA1",
                                 "{}[],:",
                                 "null",
                                 "/",
                                 "\\u0000",
                                 "\xE2\x80\xA8",
                                 std::string(255, '"')};
    Overrides overrides;
    for (const std::string& id : ids) overrides["p"][id] = {.unregistered = true};
    BOOST_TEST((proxy::parse_state(proxy::state_text(overrides)).value() == overrides));
}

BOOST_AUTO_TEST_CASE(what_is_already_kept_is_not_written_again) {
    const test::TempDir dir;
    const std::string path = dir.path("state.json");
    StateFile file(path);
    BOOST_TEST(file.load().has_value());
    BOOST_TEST(file.keep(some()).has_value());
    struct stat first {};
    ::stat(path.c_str(), &first);
    BOOST_TEST(file.keep(some()).has_value());
    struct stat second {};
    ::stat(path.c_str(), &second);
    BOOST_TEST(first.st_ino == second.st_ino);
    BOOST_TEST(file.keep({}).has_value());
    BOOST_TEST(read(path) == proxy::state_text({}));
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_is_refused_with_its_place) {
    const std::string text = proxy::state_text(some());
    for (std::size_t length = 0; length + 1 < text.size(); ++length) {
        BOOST_TEST_CONTEXT(length) {
            BOOST_TEST(wrong(text.substr(0, length)).find(": not valid JSON: ") !=
                       std::string::npos);
        }
    }
    BOOST_TEST(wrong("{\"version\": 1,\n \"servers\": x}") == "2:13: not valid JSON: syntax error");
    BOOST_TEST(wrong(text + "x").ends_with(": expected the end, found more"));
    BOOST_TEST(wrong(std::string(100, '[')).find("not valid JSON") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused_with_its_place) {
    const auto with = [](const std::string& server) {
        return wrong("{\"version\": 1, \"servers\": [" + server + "]}");
    };
    BOOST_TEST(wrong("[]") == "the file: expected an object");
    BOOST_TEST(wrong("{}") == "version: expected 1");
    BOOST_TEST(wrong(R"({"version": 2, "servers": []})") == "version: expected 1");
    BOOST_TEST(wrong(R"({"version": 1})") == "servers: expected a list");
    BOOST_TEST(wrong(R"({"version": 1, "servers": [], "x": 1})") ==
               "the file: unknown entry \"x\"");
    BOOST_TEST(with("1") == "servers[0]: expected an object");
    BOOST_TEST(with(R"({"pool": "p"})") == "servers[0]: expected a text \"id\"");
    BOOST_TEST(with(R"({"pool": "", "id": "a", "unregistered": true})") ==
               "servers[0].pool: expected the name of a pool");
    BOOST_TEST(with(R"({"pool": "p", "id": "a\n", "unregistered": true})") ==
               "servers[0].id: expected the id of a server");
    const std::string both = "servers[0]: expected either unregistered, or other overrides";
    BOOST_TEST(with(R"({"pool": "p", "id": "a", "unregistered": true, "weight": 3})") == both);
    BOOST_TEST(with(R"({"pool": "p", "id": "a", "weight": 1001})") ==
               "servers[0].weight: expected a whole number from 0 to 1000");
    BOOST_TEST(with(R"({"pool": "p", "id": "a", "address": "nowhere"})") ==
               "servers[0].address: expected an address, as 192.0.2.1:80 or host.example:80");
    BOOST_TEST(with(R"({"pool": "p", "id": "a", "weight": 3,
                        "registered": {"address": "192.0.2.1:80", "weight": 1}})") ==
               "servers[0]: a registered server has its weight and address in registered");
    BOOST_TEST(with(R"({"pool": "p", "id": "a"})") == both);
    BOOST_TEST(with(R"({"pool": "p", "id": "a", "unregistered": true, "by_hand": "drain"})") ==
               both);
    BOOST_TEST(with(R"({"pool": "p", "id": "a", "unregistered": 1})") ==
               "servers[0].unregistered: expected true or false");
    BOOST_TEST(with(R"({"pool": "p", "id": "a", "by_hand": "auto"})") ==
               "servers[0].by_hand: expected online, offline or drain");
    BOOST_TEST(with(R"({"pool": "p", "id": "a", "ramp": 1})") ==
               "servers[0]: unknown entry \"ramp\"");
    const auto registered = [&](const std::string& registration) {
        return with(R"({"pool": "p", "id": "a", "registered": )" + registration + "}");
    };
    BOOST_TEST(
        registered(R"({"address": "here", "weight": 1})") ==
        "servers[0].registered.address: expected an address, as 192.0.2.1:80 or host.example:80");
    for (const std::string weight : {"-1", "1001", "1.5", "\"1\"", "1e3"}) {
        BOOST_TEST(registered(R"({"address": "192.0.2.1:80", "weight": )" + weight + "}") ==
                   "servers[0].registered.weight: expected a whole number from 0 to 1000");
    }
    const std::string one = R"({"pool": "p", "id": "a", "unregistered": true})";
    BOOST_TEST(with(one + ", " + one) == "servers[1]: given twice");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_says_why_and_leaves_the_old_file) {
    StateFile nowhere("");
    BOOST_TEST(nowhere.keep({}).error().text == "no state file is configured (admin: state)");
    const test::TempDir dir;
    StateFile lost(dir.path("none/state.json"));
    BOOST_TEST(lost.keep(some()).error().text ==
               dir.path("none/state.json.lock") + " cannot be locked: No such file or directory");
    BOOST_TEST(lost.problem().has_value());
    const std::string path = dir.path("state.json");
    StateFile file(path);
    BOOST_TEST(file.keep(some()).has_value());
    // Something in the way, even of root.
    std::filesystem::create_directory(path + ".new");
    BOOST_TEST(file.keep({}).has_error());
    BOOST_TEST(read(path) == proxy::state_text(some()));
    std::filesystem::remove(path + ".new");
    BOOST_TEST(file.keep({}).has_value());
    BOOST_TEST(!file.problem().has_value());
    BOOST_TEST(read(path) == proxy::state_text({}));
}

BOOST_AUTO_TEST_CASE(what_is_no_file_is_refused) {
    const test::TempDir dir;
    std::filesystem::create_directory(dir.path("folder"));
    BOOST_TEST(StateFile(dir.path("folder"))
                   .load()
                   .error()
                   .text.ends_with("expected a regular file, found a directory"));
    dir.write("empty", "");
    BOOST_TEST(StateFile(dir.path("empty"))
                   .load()
                   .error()
                   .text.starts_with(dir.path("empty") + ": 1:1: not valid JSON: "));
}

BOOST_AUTO_TEST_CASE(one_process_at_a_time_uses_a_file) {
    const test::TempDir dir;
    const std::string path = dir.path("state.json");
    StateFile ours(path);
    BOOST_TEST(ours.lock().has_value());
    BOOST_TEST(ours.lock().has_value());
    // A lock belongs to its open file, so that this is as another process.
    StateFile second(path);
    BOOST_TEST(second.lock().error().text == path + " is in use: " + path +
                                                 ".lock is locked by process " +
                                                 std::to_string(::getpid()));
    // The file is replaced by a new one, the lock stays.
    BOOST_TEST(ours.keep(some()).has_value());
    BOOST_TEST(second.lock().has_error());
    const auto reason = second.keep({});
    BOOST_TEST(reason.error().text.ends_with(std::to_string(::getpid())));
    BOOST_TEST((StateFile(path).load().value() == some()));
    // By another path to the same folder, too.
    BOOST_TEST(StateFile(dir.path("./state.json")).lock().has_error());
    BOOST_TEST(StateFile(dir.path("other.json")).lock().has_value());
}

BOOST_AUTO_TEST_CASE(a_lock_that_was_left_behind_locks_nobody_out) {
    const test::TempDir dir;
    const std::string path = dir.path("state.json");
    dir.write("state.json.lock", "1\n");
    {
        StateFile first(path);
        BOOST_TEST(first.lock().has_value());
    }
    StateFile second(path);
    BOOST_TEST(second.lock().has_value());
    BOOST_TEST(read(dir.path("state.json.lock")) == std::to_string(::getpid()) + "\n");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_locked_is_read_and_never_written) {
    const test::TempDir dir;
    const std::string path = dir.path("state.json");
    dir.write("state.json", proxy::state_text(some()));
    std::filesystem::create_directory(dir.path("state.json.lock"));
    StateFile file(path);
    BOOST_TEST(file.lock().has_value());
    BOOST_TEST((file.load().value() == some()));
    BOOST_TEST(file.keep({}).error().text.starts_with(path + ".lock cannot be locked: "));
    BOOST_TEST((StateFile(path).load().value() == some()));
    std::filesystem::remove(dir.path("state.json.lock"));
    BOOST_TEST(file.keep({}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

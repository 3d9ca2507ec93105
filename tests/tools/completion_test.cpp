#include "tools/ringctl/completion.h"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace ringway::ringctl;

namespace {

using Words = std::vector<std::string>;

// With two pools, on every socket path.
struct Fixture {
    Words offered(const Words& words) {
        return candidates(words, [this](const std::string& socket, const std::string& pool) {
            asked = socket;
            if (pool.empty()) return Words{"redis", "web"};
            return pool == "redis" ? Words{"server-1", "server-2", "a b"} : Words{};
        });
    }

    std::string asked = "nobody";
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(completion, Fixture)

BOOST_AUTO_TEST_CASE(commands_and_their_arguments_by_place) {
    BOOST_TEST((offered({"serv"}) == Words{"server", "servers"}));
    BOOST_TEST((offered({"help", "ev"}) == Words{"events"}));
    BOOST_TEST((offered({"fl"}) == Words{"fleet"}));
    BOOST_TEST((offered({"help", "events", ""}) == Words{}));
    BOOST_TEST((offered({"servers", ""}) == Words{"redis", "web"}));
    BOOST_TEST((offered({"top", "w"}) == Words{"web"}));
    BOOST_TEST((offered({"drain", "redis", ""}) == Words{"a b", "server-1", "server-2"}));
    BOOST_TEST((offered({"drain", "redis", "server-1", ""}) == Words{}));
    BOOST_TEST((offered({"drain", "web", ""}) == Words{}));
    BOOST_TEST((offered({"set", "redis", ""}) == Words{"a b", "server-1", "server-2"}));
    BOOST_TEST((offered({"set", "redis", "server-1", ""}) == Words{"address", "weight"}));
    BOOST_TEST((offered({"set", "redis", "server-1", "weight", ""}) == Words{}));
    BOOST_TEST((offered({"clear", "redis", "s"}) == Words{"server-1", "server-2"}));
    BOOST_TEST((offered({"register", ""}) == Words{"redis", "web"}));
    BOOST_TEST((offered({"register", "redis", ""}) == Words{}));
    BOOST_TEST((offered({"register", "redis", "a", "192.0.2.1:7", ""}) == Words{}));
    BOOST_TEST((offered({"completion", ""}) == Words{"bash", "zsh"}));
    BOOST_TEST((offered({"log", ""}) == Words{"level"}));
    BOOST_TEST((offered({"log", "level", ""}) == Words{"debug", "error", "info", "warn"}));
    BOOST_TEST((offered({"log", "level", "debug", ""}) == Words{"for"}));
    BOOST_TEST((offered({"log", "level", "debug", "for", ""}) == Words{}));
    BOOST_TEST((offered({"nonsense", ""}) == Words{}));
    BOOST_TEST((offered({}) == Words{}));
}

BOOST_AUTO_TEST_CASE(files_and_keys_are_left_to_the_shell) {
    asked = "nobody";
    BOOST_TEST((offered({"plan", ""}) == Words{}));
    BOOST_TEST((offered({"explain", "redis", ""}) == Words{}));
    BOOST_TEST((offered({"--socket", ""}) == Words{}));
    BOOST_TEST(asked == "nobody");
}

BOOST_AUTO_TEST_CASE(options_stand_anywhere_and_may_have_values) {
    BOOST_TEST((offered({"--js"}) == Words{"--json"}));
    BOOST_TEST((offered({"register", "redis", "--w"}) == Words{"--watch", "--weight"}));
    BOOST_TEST((offered({"servers", "--we"}) == Words{}));
    BOOST_TEST((offered({"events", "--f"}) == Words{"--follow"}));
    BOOST_TEST((offered({"reload", "--max"}) == Words{"--max-moved"}));
    BOOST_TEST((offered({"drain", "--fleet", "redis", "s"}) == Words{"server-1", "server-2"}));
    BOOST_TEST((offered({"clear", "--f"}) == Words{}));
    for (const char* command :
         {"register", "unregister", "drain", "offline", "online", "auto", "forget", "plan"}) {
        BOOST_TEST((offered({command, "--f"}) == Words{"--fleet"}));
    }
    BOOST_TEST((offered({"--color", "a"}) == Words{"always", "auto"}));
    BOOST_TEST((offered({"--color=n"}) == Words{"--color=never"}));
    BOOST_TEST(
        (offered({"--json", "--timeout", "5", "--watch", "2", "servers", "r"}) == Words{"redis"}));
    BOOST_TEST((offered({"--watch", "servers", "r"}) == Words{"redis"}));
}

BOOST_AUTO_TEST_CASE(the_proxy_of_the_line_is_asked) {
    offered({"servers", ""});
    BOOST_TEST(asked == "");
    offered({"--socket", "/a", "servers", ""});
    BOOST_TEST(asked == "/a");
    offered({"servers", "--socket=/b", ""});
    BOOST_TEST(asked == "/b");
}

BOOST_AUTO_TEST_CASE(a_line_is_taken_apart_as_a_shell_does) {
    BOOST_TEST((shell_words("ringctl serv") == Words{"ringctl", "serv"}));
    BOOST_TEST((shell_words("ringctl  servers ") == Words{"ringctl", "servers", ""}));
    BOOST_TEST((shell_words("a 'b c' \"d e\" f\\ g") == Words{"a", "b c", "d e", "f g"}));
    BOOST_TEST((shell_words("a 'b c") == Words{"a", "b c"}));
    BOOST_TEST((shell_words("a \\") == Words{"a", "\\"}));
    BOOST_TEST((shell_words("") == Words{""}));
}

BOOST_AUTO_TEST_CASE(bash_gets_what_stands_behind_its_last_break) {
    BOOST_TEST(for_bash("server-1", "ser") == "server-1");
    BOOST_TEST(for_bash("a b:c", "a") == "a\\ b:c");
    BOOST_TEST(for_bash("a b:c", "a b:") == "c");
    BOOST_TEST(for_bash("--color=always", "--color=a") == "always");
    BOOST_TEST(for_bash("$x;`y`", "") == "\\$x\\;\\`y\\`");
}

BOOST_AUTO_TEST_CASE(each_shell_has_its_script) {
    BOOST_TEST(completion_script("bash").find("complete -o") != std::string_view::npos);
    BOOST_TEST(completion_script("zsh").starts_with("#compdef ringctl"));
    BOOST_TEST(completion_script("fish") == "");
}

BOOST_AUTO_TEST_SUITE_END()

#include <string>
#include <vector>

#include <boost/algorithm/string/split.hpp>
#include <boost/test/unit_test.hpp>

#include "tools/loadgen/options.h"

using namespace ringway::loadgen;

namespace {

std::vector<std::string> words(const std::string& line) {
    std::vector<std::string> all;
    boost::split(all, line, [](char c) { return c == ' '; });
    return all;
}

RunOptions run_options(const std::string& more) {
    return parse_run(words("--connect 127.0.0.1:80 --mode connect" + more));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(options)

BOOST_AUTO_TEST_CASE(addresses_are_told_as_they_were_written) {
    for (const char* text : {"127.0.0.1:80", "[::1]:0", "10.1.2.3:65535"}) {
        BOOST_TEST(parse_address(text).to_string() == text);
    }
    for (const char* text : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "::1:80",
                             "localhost:80", "[::1]", "127.1:80", "127.0.0.1:80 "}) {
        BOOST_CHECK_THROW(parse_address(text), UsageError);
    }
}

BOOST_AUTO_TEST_CASE(source_ranges_hold_every_address_from_first_to_last) {
    const auto range = parse_sources("127.0.0.254-127.0.1.1");
    BOOST_REQUIRE(range.size() == 4u);
    BOOST_TEST(range[0].to_string() == "127.0.0.254:0");
    BOOST_TEST(range[3].to_string() == "127.0.1.1:0");
    BOOST_TEST(parse_sources("127.0.0.9").size() == 1u);
    BOOST_TEST(parse_sources("127.0.0.0-127.0.15.255").size() == 4'096u);
    for (const char* text :
         {"127.0.0.2-127.0.0.1", "127.0.0.0-127.0.16.0", "::1", "x", "1.1.1.1-"}) {
        BOOST_CHECK_THROW(parse_sources(text), UsageError);
    }
}

BOOST_AUTO_TEST_CASE(a_load_stays_on_this_machine_and_in_private_networks) {
    for (const char* text : {"127.0.0.1:1", "127.255.0.1:1", "[::1]:1"}) {
        BOOST_CHECK_NO_THROW(require_allowed(parse_address(text), false));
    }
    for (const char* text : {"10.0.0.1:1", "172.31.0.1:1", "192.168.9.9:1", "169.254.1.1:1",
                             "198.19.0.1:1", "192.0.2.1:1", "[fd00::1]:1", "[fe80::1]:1"}) {
        BOOST_CHECK_THROW(require_allowed(parse_address(text), false), UsageError);
        BOOST_CHECK_NO_THROW(require_allowed(parse_address(text), true));
    }
    for (const char* text : {"8.8.8.8:1", "172.32.0.1:1", "11.0.0.1:1", "0.0.0.0:1",
                             "192.169.0.1:1", "[2001:db8::1]:1", "[::]:1", "[::ffff:8.8.8.8]:1"}) {
        BOOST_CHECK_THROW(require_allowed(parse_address(text), true), UsageError);
    }
}

BOOST_AUTO_TEST_CASE(what_was_given_is_what_runs) {
    const RunOptions run = run_options(
        " --connections 10 --threads 2 --seconds 0.5 --warmup 0.25 --bytes 7 --request 3 --rate 99 "
        "--source 127.0.0.2 --key-line --tls site.example --tls-resume --cpu-of proxy=12,13 "
        "--cpu-of server=14");
    BOOST_TEST(run.connections == 10u);
    BOOST_TEST(run.threads == 2u);
    BOOST_TEST((run.window == std::chrono::milliseconds(500)));
    BOOST_TEST((run.warmup == std::chrono::milliseconds(250)));
    BOOST_TEST(run.bytes == 7u);
    BOOST_TEST(run.request_bytes == 3u);
    BOOST_TEST(run.rate == 99);
    BOOST_TEST(run.key_line);
    BOOST_TEST(run.tls_name == "site.example");
    BOOST_TEST(run.tls_resumes);
    BOOST_TEST(run.sources.size() == 1u);
    BOOST_REQUIRE(run.cpu_of.size() == 2u);
    BOOST_TEST(run.cpu_of[0].name == "proxy");
    BOOST_TEST(run.cpu_of[0].pids == (std::vector<pid_t>{12, 13}));
}

BOOST_AUTO_TEST_CASE(nothing_is_without_bounds) {
    for (const char* more :
         {" --connections 0", " --connections 1000000", " --connections -1", " --threads 0",
          " --threads 65", " --seconds 0", " --seconds 10000000", " --seconds nan", " --warmup -1",
          " --bytes 0", " --bytes 17000000", " --rate -1", " --rate 1e9", " --rate nan",
          " --operations 2000000000", " --timeout 0", " --request 17000000"}) {
        BOOST_TEST_CONTEXT(more) {
            BOOST_CHECK_THROW(run_options(more), UsageError);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_does_not_go_together_is_refused) {
    for (const char* more :
         {" --cpu-of x", " --cpu-of =1", " --cpu-of a=", " --cpu-of a=x", " --cpu-of a=-1",
          " --nope", " stray", " --operations 5 --warmup 1", " --connections 1 --threads 2"}) {
        BOOST_TEST_CONTEXT(more) {
            BOOST_CHECK_THROW(run_options(more), UsageError);
        }
    }
    for (const char* line :
         {"--connect 127.0.0.1:1 --mode nope", "--mode connect", "--connect 127.0.0.1:1",
          "--connect 127.0.0.1:0 --mode connect", "--connect 10.0.0.1:1 --mode connect",
          "--connect 127.0.0.1:1 --mode bulk-up --rate 5",
          "--connect 127.0.0.1:1 --mode idle --operations 5",
          "--connect 127.0.0.1:1 --mode idle --threads 2",
          "--connect 127.0.0.1:1 --mode verify --key-line",
          "--connect 127.0.0.1:1 --mode verify --tls site.example",
          "--connect 127.0.0.1:1 --mode connect --bytes 0",
          "--connect 127.0.0.1:1 --mode connect --tls-resume",
          "--connect 127.0.0.1:1 --mode idle --request-file /proc/self/status",
          "--connect 127.0.0.1:1 --mode connect --request-file /proc/self/status --key-line",
          "--connect 127.0.0.1:1 --mode connect --request-file /nowhere",
          "--connect 127.0.0.1:1 --mode connect --source 8.8.8.8"}) {
        BOOST_TEST_CONTEXT(line) {
            BOOST_CHECK_THROW(parse_run(words(line)), UsageError);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_request_can_be_any_bytes) {
    const auto run =
        parse_run(words("--connect 127.0.0.1:1 --mode connect --request-file /proc/self/cmdline"));
    BOOST_TEST(run.request_text.find('\0') != std::string::npos);
}

BOOST_AUTO_TEST_CASE(each_listen_begins_a_service_of_its_own) {
    const ServeOptions serve =
        parse_serve(words("--threads 2 --listen 127.0.0.1:0 --mode echo --bytes 64 --key-line "
                          "--listen [::1]:7 --mode answer --request 5 --bytes 6"));
    BOOST_TEST(serve.threads == 2u);
    BOOST_REQUIRE(serve.services.size() == 2u);
    BOOST_TEST(serve.services[0].bytes == 64u);
    BOOST_TEST(serve.services[0].key_line);
    BOOST_TEST((serve.services[1].mode == ServeMode::answer));
    BOOST_TEST(serve.services[1].request_bytes == 5u);
    BOOST_TEST(serve.services[1].bytes == 6u);
    BOOST_TEST(!serve.services[1].key_line);
}

BOOST_AUTO_TEST_CASE(servers_that_make_no_sense_are_refused) {
    for (const char* line :
         {"--mode echo", "--mode echo --listen 127.0.0.1:0", "--listen 127.0.0.1:0 --mode bulk",
          "--listen 10.0.0.1:0 --mode echo", "--listen 127.0.0.1:0 --bytes x",
          "--listen 127.0.0.1:0 --bytes -1", "--listen 127.0.0.1:0 --threads 0",
          "--listen 0.0.0.0:0 --mode echo --allow-nonlocal"}) {
        BOOST_TEST_CONTEXT(line) {
            BOOST_CHECK_THROW(parse_serve(words(line)), UsageError);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

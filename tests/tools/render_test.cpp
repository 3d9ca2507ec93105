#include "tools/ringctl/render.h"

#include <string>
#include <string_view>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include "tools/ringctl/render_ring.h"

using namespace ringway::ringctl;
namespace json = boost::json;

namespace {

std::string shown(std::string_view command, std::string_view answer, bool colours = false) {
    return render(command, json::parse(answer).as_object(), colours);
}

constexpr std::string_view online_server =
    R"({"pool":"redis","id":"server-1","address":"10.0.0.11:6379","weight":2,"status":"online",)"
    R"("detail":"checked ok","override":"auto","since_s":192,"active":3,"total":1000,"bytes_up":1536,)"
    R"("bytes_down":20971520,"connect_failures":0,"source":"file",)"
    R"("last_check":{"result":"ok","ago_ms":850,"successes":96,"failures":0}})";

constexpr std::string_view draining_server =
    R"({"pool":"redis","id":"server-2","address":"10.0.0.12:6379","weight":1,"status":"offline",)"
    R"("detail":"draining","since_s":5,"active":0,"total":12,"bytes_up":0,"bytes_down":0,)"
    R"("connect_failures":1,"source":"runtime","last_check":null})";

}  // namespace

BOOST_AUTO_TEST_SUITE(render_)

BOOST_AUTO_TEST_CASE(status_shows_configuration_listeners_and_pools) {
    BOOST_TEST(
        shown("status",
              R"({"ok":true,"version":"0.1.0","pid":71,"uptime_s":192,"workers":2,)"
              R"("engine":{"name":"epoll","reason":null},"generation":5,)"
              R"("config":{"file":"/etc/ringway.yaml","loaded_at":"2031-05-01T10:00:00Z",)"
              R"("result":"ok","reloads":1,"failed_reloads":0},)"
              R"("listeners":[{"name":"redis","bind":"0.0.0.0:6379","pool":"redis",)"
              R"("key":"source_ip","accepted":12345,"active":3,"refused":0}],)"
              R"("pools":[{"name":"redis","servers":3,"online":2,"points":1024,"active":3}]})") ==
        "ringway 0.1.0, pid 71, up 3m 12s, 2 workers, engine epoll, generation 5\n"
        "configuration /etc/ringway.yaml, loaded 2031-05-01T10:00:00Z, 1 reload (0 failed)\n"
        "\n"
        "LISTENER  BIND          POOL   KEY        ACCEPTED  ACTIVE  REFUSED\n"
        "redis     0.0.0.0:6379  redis  source_ip     12345       3        0\n"
        "\n"
        "POOL   SERVERS  ONLINE  POINTS  ACTIVE\n"
        "redis        3       2    1024       3\n");
}

BOOST_AUTO_TEST_CASE(fingerprints_are_shown_where_there_are_any) {
    const std::string text = shown(
        "status", R"({"ok":true,"pools":[{"name":"a"},{"name":"b","fingerprint":"c0ffee"}]})");
    BOOST_TEST(text.find("ACTIVE  FINGERPRINT\n") != std::string::npos);
    BOOST_TEST(text.find("  c0ffee\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_panic_stands_beside_those_that_are_online) {
    const std::string text = shown(
        "status", R"({"ok":true,"pools":[{"name":"a","servers":3,"online":3,"panic":true}]})");
    BOOST_TEST(text.find("3 (panic)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(status_tells_of_failed_reloads_and_lost_log_lines) {
    const std::string text = shown(
        "status", R"({"ok":true,"log_lines_dropped":7,"config":{"result":"a.yaml:3:1: no"}})");
    BOOST_TEST(text.find("\nlast reload failed: a.yaml:3:1: no\n") != std::string::npos);
    BOOST_TEST(text.find("\n7 log lines dropped\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_log_level_that_was_set_is_told_with_its_time) {
    const std::string of_file = R"("level":"info","file_level":"info","left_s":null})";
    const std::string timed = R"("level":"debug","file_level":"info","left_s":252})";
    const std::string untimed = R"("level":"warn","file_level":"info","left_s":null})";
    BOOST_TEST(shown("log", R"({"ok":true,)" + of_file) == "log level info, as in the file\n");
    BOOST_TEST(shown("log", R"({"ok":true,)" + timed) ==
               "log level debug for another 4m 12s; in the file: info\n");
    BOOST_TEST(shown("log", R"({"ok":true,)" + untimed) ==
               "log level warn until the next reload; in the file: info\n");
    const auto status_has_it = [](const std::string& log) {
        const auto text = shown("status", R"({"ok":true,"log":{)" + log + "}");
        return text.find("\nlog level ") != std::string::npos;
    };
    BOOST_TEST(!status_has_it(of_file));
    BOOST_TEST(status_has_it(timed));
    BOOST_TEST(status_has_it(untimed));
}

BOOST_AUTO_TEST_CASE(servers_stand_in_an_aligned_table) {
    const std::string answer = R"({"ok":true,"servers":[)" + std::string(online_server) + ',' +
                               std::string(draining_server) + "]}";
    BOOST_TEST(shown("servers", answer) ==
               "POOL   ID        ADDRESS         SOURCE   WEIGHT  STATUS    SINCE  ACTIVE  TOTAL"
               "       UP      DOWN  FAILED  DETAIL\n"
               "redis  server-1  10.0.0.11:6379  file          2  online   3m 12s       3   1000"
               "  1.5 KiB  20.0 MiB       0  checked ok\n"
               "redis  server-2  10.0.0.12:6379  runtime       1  offline      5s       0     12"
               "      0 B       0 B       1  draining\n");
    BOOST_TEST(shown("servers", R"({"ok":true,"servers":[]})") == "no servers\n");
}

BOOST_AUTO_TEST_CASE(one_server_is_shown_in_full) {
    BOOST_TEST(shown("server", R"({"ok":true,"server":)" + std::string(online_server) + "}") ==
               "pool         redis\n"
               "id           server-1\n"
               "address      10.0.0.11:6379\n"
               "weight       2\n"
               "source       file\n"
               "status       online for 3m 12s, checked ok\n"
               "override     auto\n"
               "last check   ok, 850 ms ago, in a row: 96 passed, 0 failed\n"
               "connections  3 active, 1000 in total, 0 failed to connect\n"
               "bytes        1.5 KiB up, 20.0 MiB down\n");
    BOOST_TEST(shown("server", R"({"ok":true,"server":)" + std::string(draining_server) + "}")
                   .find("last check   -\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_change_shows_the_server_or_says_ok) {
    for (const char* command :
         {"register", "set", "drain", "offline", "online", "auto", "clear", "unregister"}) {
        const std::string answer = R"({"ok":true,"server":)" + std::string(draining_server) + "}";
        BOOST_TEST(shown(command, answer).find("server-2") != std::string::npos);
        BOOST_TEST(shown(command, R"({"ok":true})") == "ok\n");
    }
}

BOOST_AUTO_TEST_CASE(a_share_that_is_not_known_yet_is_a_dash) {
    BOOST_TEST(shown("set", R"({"ok":true,"kept":true,"server":{"pool":"p","id":"a",)"
                            R"("address":"192.0.2.1:7","weight":3,"share":null,)"
                            R"("status":"online"}})")
                   .find("p     a   192.0.2.1:7       3      -  online") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(many_that_are_registered_are_counted) {
    BOOST_TEST(shown("register", R"({"ok":true,"registered":["a","b","c"],"kept":true})") ==
               "3 servers registered\n");
    BOOST_TEST(shown("register", R"({"ok":true,"registered":["a","b"],"kept":false,)"
                                 R"("not_kept":"disk full"})") ==
               "2 servers registered\nnot kept over a restart: disk full\n");
    BOOST_TEST(shown("register", R"({"ok":true,"registered":["a"]})") == "1 server registered\n");
}

BOOST_AUTO_TEST_CASE(explain_shows_the_walk_and_the_choice) {
    BOOST_TEST(shown("explain",
                     R"({"ok":true,"pool":"redis","key":"user 1","hash":"0x00000000000000ff",)"
                     R"("owner":"server-1","walk":[)"
                     R"({"id":"server-1","status":"online","detail":"full",)"
                     R"("distance":"0x0000000000000001","chosen":false},)"
                     R"({"id":"server-2","status":"online","detail":"checked ok",)"
                     R"("distance":"0x0000000000000002","chosen":true}],)"
                     R"("if_all_online":null})") ==
               "key \"user 1\" of pool redis, hash 0x00000000000000ff: goes to server-2 for now; "
               "its owner is server-1\n"
               "\n"
               "ORDER  ID        STATUS  DISTANCE            DETAIL\n"
               "    1  server-1  online  0x0000000000000001  full\n"
               "    2  server-2  online  0x0000000000000002  checked ok  <- chosen\n");
    BOOST_TEST(shown("explain",
                     R"({"ok":true,"pool":"p","key":"k","hash":"0x01","owner":null,"walk":[]})") ==
               "key \"k\" of pool p, hash 0x01: no server is online\n");
    BOOST_TEST(shown("explain", R"({"ok":true,"pool":"p","key":"k","hash":"0x01","owner":"a",)"
                                R"("walk":[{"id":"a","status":"online","detail":"full",)"
                                R"("distance":null,"chosen":false}],"if_all_online":null})")
                   .starts_with("key \"k\" of pool p, hash 0x01: no server has room\n"));
}

BOOST_AUTO_TEST_CASE(explain_sets_the_walk_of_all_servers_apart) {
    BOOST_TEST(shown("explain",
                     R"({"ok":true,"pool":"p","key":"k","hash":"0x01","owner":"b","walk":[)"
                     R"({"id":"b","status":"online","detail":"checked ok",)"
                     R"("distance":null,"chosen":true}],)"
                     R"("if_all_online":{"owner":"a","walk":[)"
                     R"({"id":"a","status":"offline","detail":"draining","distance":null},)"
                     R"({"id":"b","status":"online","detail":"checked ok","distance":null}]}})") ==
               "key \"k\" of pool p, hash 0x01: goes to b\n"
               "\n"
               "ORDER  ID  STATUS  DISTANCE  DETAIL\n"
               "    1  b   online  -         checked ok  <- chosen\n"
               "\n"
               "if all servers were online, its owner would be a\n"
               "\n"
               "ORDER  ID  STATUS   DISTANCE  DETAIL\n"
               "    1  a   offline  -         draining\n"
               "    2  b   online   -         checked ok\n");
}

BOOST_AUTO_TEST_CASE(reload_lists_its_changes) {
    BOOST_TEST(shown("reload", R"({"ok":true,"generation":6,"changes":["pool redis: new","b"]})") ==
               "reloaded, generation 6\n  pool redis: new\n  b\n");
    BOOST_TEST(shown("reload", R"({"ok":true,"generation":6,"changes":[]})") ==
               "reloaded, generation 6\n  nothing has changed\n");
}

BOOST_AUTO_TEST_CASE(pools_show_balance_spills_and_what_the_last_change_moved) {
    const std::string text = shown(
        "status", R"({"ok":true,"pools":[{"name":"a","servers":1,"online":1,"points":704,)"
                  R"("active":0,"peak_to_average":1.0712,"spills":12,"moved_last_change":0.125},)"
                  R"({"name":"b"}]})");
    BOOST_TEST(text.find("POOL  SERVERS  ONLINE  POINTS  ACTIVE  PEAK/MEAN  SPILLS   MOVED\n"
                         "a           1       1     704       0       1.07      12  12.5 %\n"
                         "b           -       -       -       -          -       -       -\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(servers_show_their_share_and_limit_where_they_are_told) {
    const std::string server =
        R"({"pool":"p","id":"a","weight":1,"share":0.2504,"max_connections":500})";
    const std::string table = shown("servers", R"({"servers":[)" + server + "]}");
    BOOST_TEST(table.find("WEIGHT   SHARE  STATUS") != std::string::npos);
    BOOST_TEST(table.find("     1  25.0 %  ") != std::string::npos);
    const std::string full = shown("server", R"({"server":)" + server + "}");
    BOOST_TEST(full.find("share        25.0 % of the keys\n") != std::string::npos);
    BOOST_TEST(full.find("limit        500 connections\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_state_file_that_cannot_be_written_is_reported) {
    BOOST_TEST(shown("status", R"({"ok":true,"state":{"file":"/a","problem":"full"}})")
                   .find("\noverrides are not saved:  full\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(events_are_lines_with_their_place) {
    BOOST_TEST(shown("events", R"({"ok":true,"events":[]})") == "nothing has happened yet\n");
    BOOST_TEST(
        shown("events",
              R"({"ok":true,"events":[{"id":1,"time":"T1","kind":"server_down","pool":"redis",)"
              R"("server":"server-1","text":"refused"},{"id":2,"time":"T2","kind":"panic",)"
              R"("pool":"redis","text":"1 of 3 up"},{"id":3,"time":"T3","kind":"reload",)"
              R"("text":"generation 2"}]})") ==
        "T1  server_down     redis/server-1: refused\n"
        "T2  panic           redis: 1 of 3 up\n"
        "T3  reload          generation 2\n");
}

BOOST_AUTO_TEST_CASE(a_ring_shows_shares_greatest_first_with_bars) {
    constexpr std::string_view ring =
        R"({"ok":true,"pool":"p","servers":["a","b","c"],"shares":[0.25,0.5,0.25],)"
        R"("points":[10,20,10],"slices":[]})";
    BOOST_TEST(shown("ring", ring) ==
               "ring of pool p, 3 servers\n"
               "\n"
               "SERVER  POINTS    SHARE\n"
               "b           20  50.00 %  ##############################\n"
               "a           10  25.00 %  ###############\n"
               "c           10  25.00 %  ###############\n");
    BOOST_TEST(bar(1, 2, true) == "██");
    BOOST_TEST(bar(0.5, 2, true) == "█");
    BOOST_TEST(bar(0.3125, 2, true) == "▋");
    BOOST_TEST(bar(0, 2, true) == "");
    BOOST_TEST(bar(7, 2, false) == "##");
    for (const char* strange :
         {"{}", R"({"servers":["a"]})", R"({"servers":["a"],"shares":["x"],"points":7})",
          R"({"servers":[1,2],"shares":[1e999]})"}) {
        json::error_code error;
        const json::value value = json::parse(strange, error);
        if (!error) BOOST_TEST(!render("ring", value.as_object(), false).empty());
    }
}

BOOST_AUTO_TEST_CASE(certificates_are_a_table_with_the_time_that_is_left) {
    BOOST_TEST(shown("certificates", R"({"ok":true,"certificates":[]})") ==
               "no listener or pool shows a certificate\n");
    BOOST_TEST(
        shown("certificates",
              R"({"ok":true,"certificates":[{"listener":"db","pool":null,)"
              R"("names":["a.example","*.b.example"],)"
              R"("key":"EC","expires":"2026-02-01T00:00:00Z","expires_in_s":864000,)"
              R"("ocsp_until":null,"issuer":"CN = root","file":"/etc/a.pem"},)"
              R"({"listener":null,"pool":"db","names":[],"key":"RSA",)"
              R"("expires":"2026-01-01T00:00:00Z",)"
              R"("expires_in_s":-5,"ocsp_until":"2026-01-02T00:00:00Z","issuer":"CN = root",)"
              R"("file":"/etc/b.pem"}]})") ==
        "SHOWN BY     NAMES                   KEY  EXPIRES                  LEFT  "
        "OCSP UNTIL            ISSUER     FILE\n"
        "listener db  a.example, *.b.example  EC   2026-02-01T00:00:00Z  10 days  "
        "-                     CN = root  /etc/a.pem\n"
        "pool db      -                       RSA  2026-01-01T00:00:00Z  expired  "
        "2026-01-02T00:00:00Z  CN = root  /etc/b.pem\n");
}

BOOST_AUTO_TEST_CASE(an_error_comes_with_all_its_lines) {
    const auto answer =
        json::parse(R"({"ok":false,"error":"refused","errors":["a.yaml:3:1: x","a.yaml:4:1: y"]})");
    BOOST_TEST(render_error(answer.as_object()) == "refused\n  a.yaml:3:1: x\n  a.yaml:4:1: y\n");
}

BOOST_AUTO_TEST_CASE(answers_to_unknown_commands_are_shown_field_by_field) {
    BOOST_TEST(shown("another", R"({"ok":true,"a":1,"b":{"c":[true]}})") ==
               "a: 1\nb: {\"c\":[true]}\n");
    BOOST_TEST(shown("later", R"({"ok":true})") == "ok\n");
}

BOOST_AUTO_TEST_CASE(fields_of_other_types_and_missing_ones_do_no_harm) {
    for (const char* command : {"status", "servers", "server", "explain", "reload", "drain",
                                "events", "ring", "overrides", "certificates", "fleet"}) {
        for (const char* answer :
             {R"({"ok":true})",
              R"({"ok":true,"servers":1,"server":[],"walk":{},"changes":null,"config":"x",)"
              R"("events":7,"overrides":{},"shares":0})",
              R"({"ok":true,"servers":[1,{}],"server":{"since_s":-1},"walk":[null,{}],)"
              R"("listeners":[{}],"pools":[{"name":{}}],"key":5})"}) {
            BOOST_TEST(!shown(command, answer).empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(control_bytes_never_reach_the_terminal) {
    const std::string text =
        shown("servers", R"({"ok":true,"servers":[{"id":"\u001b[2J\n","status":"online"}]})");
    BOOST_TEST(text.find("\\x1b[2J\\x0a") != std::string::npos);
    BOOST_TEST(text.find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(colours_tell_online_from_draining_from_down) {
    const auto colour_of = [](std::string_view status, std::string_view detail) {
        const std::string text = shown("servers",
                                       R"({"servers":[{"status":")" + std::string(status) +
                                           R"(","detail":")" + std::string(detail) + R"("}]})",
                                       true);
        return text.substr(text.find(status) - 5, 5);
    };
    BOOST_TEST(colour_of("online", "checked ok") == "\x1b[32m");
    BOOST_TEST(colour_of("offline", "draining") == "\x1b[33m");
    BOOST_TEST(colour_of("offline", "down: refused") == "\x1b[31m");
}

BOOST_AUTO_TEST_CASE(a_plan_is_rendered_as_text) {
    BOOST_TEST(
        shown(
            "plan",
            R"({"ok":true,"refused":null,"notes":["pool main: server x stays removed"],)"
            R"("changes":[{"path":"pools.main.hash.vnodes","before":"704","after":"512"},)"
            R"({"path":"pools.main.servers.c","before":null,"after":"192.0.2.3:80"}],)"
            R"("listeners":[{"listener":"front","moved":1,"why":"its keys are others"}],)"
            R"("pools":[{"pool":"main","state":"stays","moved":0.25,"comparable":true,)"
            R"("moves":[{"from":"a","to":"c","share":0.25}],"moves_left_out":0,)"
            R"("before":{"servers":2,"online":2,"peak_to_average":1.01,"least_to_average":0.99},)"
            R"("after":{"servers":3,"online":3,"peak_to_average":1.02,"least_to_average":0.97}}]})") ==
        "~ pools.main.hash.vnodes: 704 -> 512\n"
        "+ pools.main.servers.c: 192.0.2.3:80\n"
        "! pool main: server x stays removed\n"
        "\n"
        "listener front: 100.00 % of its keys move: its keys are others\n"
        "pool main: 25.00 % of the keys move\n"
        "   25.00 %  a -> c\n"
        "  before  2 of 2 servers online, peak 1.010 and least 0.990 of the average\n"
        "  after   3 of 3 servers online, peak 1.020 and least 0.970 of the average\n");
}

BOOST_AUTO_TEST_CASE(overrides_are_a_table_and_a_failed_save_is_reported) {
    BOOST_TEST(shown("overrides", R"({"ok":true,"overrides":[]})") == "no overrides\n");
    const std::string table = shown(
        "overrides",
        R"({"ok":true,"overrides":[{"pool":"main","id":"r","registered":{"address":"192.0.2.7:7",)"
        R"("weight":2},"unregistered":false,"override":"drain","active":true},{"pool":"old",)"
        R"("id":"a","registered":null,"unregistered":true,"override":"auto","active":false},)"
        R"({"pool":"p","id":"s","registered":null,"unregistered":false,"override":"offline",)"
        R"("weight":3,"address":"192.0.2.8:7","active":true},)"
        R"({"pool":"p","id":"w","registered":null,"unregistered":false,"override":"auto",)"
        R"("weight":0,"address":null,"active":true}]})");
    BOOST_TEST(table ==
               "POOL  ID  SAID                      ADDRESS      WEIGHT\n"
               "main  r   registered, drain         192.0.2.7:7       2\n"
               "old   a   unregistered              -                 -  no such pool\n"
               "p     s   weight, address, offline  192.0.2.8:7       3\n"
               "p     w   weight                    -                 0\n");
    BOOST_TEST(shown("forget", R"({"ok":true,"kept":true})") == "ok\n");
    BOOST_TEST(shown("unregister", R"({"ok":true,"kept":false,"not_kept":"disk full"})") ==
               "ok\nnot kept over a restart: disk full\n");
}

BOOST_AUTO_TEST_SUITE_END()

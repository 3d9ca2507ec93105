// Servers by SRV records.
#include "proxy/names/services.h"

#include <boost/test/unit_test.hpp>

#include "conf/limits.h"

using namespace ringway;
using conf::SrvServers;
using proxy::servers_of_services;
using proxy::Service;
using proxy::ServiceServers;

namespace {

Service service(std::string target, std::uint16_t port, std::uint16_t weight,
                std::uint16_t priority = 10) {
    return {.target = std::move(target), .port = port, .priority = priority, .weight = weight};
}

// "id=host:port*weight ..."
std::string text(const ServiceServers& made) {
    std::string all;
    for (const auto& each : made.servers) {
        all += (all.empty() ? "" : " ") + each.id + '=' + each.at.to_string() + '*' +
               std::to_string(each.weight);
    }
    return all;
}

SrvServers by(SrvServers::Id id, std::uint32_t unit = 0) {
    return {.name = "_redis._tcp.example", .id = id, .weight_unit = unit};
}

const SrvServers by_target = by(SrvServers::Id::target);
const SrvServers by_port = by(SrvServers::Id::target_port);

}  // namespace

BOOST_AUTO_TEST_SUITE(services)

BOOST_AUTO_TEST_CASE(only_the_lowest_priority_serves) {
    const std::vector<Service> all{service("c", 1, 5, 20), service("a", 1, 5), service("b", 1, 5),
                                   service("d", 1, 5, 30)};
    const auto made = servers_of_services(all, by_target);
    BOOST_TEST(text(made) == "a=a:1*1 b=b:1*1");
    BOOST_TEST_REQUIRE(made.warnings.size() == 1);
    BOOST_TEST(made.warnings[0] ==
               "2 of 4 SRV records are not used: only those of the lowest priority, 10, are");
    BOOST_TEST(text(servers_of_services({}, by_target)).empty());
}

BOOST_AUTO_TEST_CASE(a_target_on_several_ports_has_its_lowest_or_is_several_servers) {
    const std::vector<Service> all{service("a", 30, 2), service("a", 10, 4), service("a", 20, 6),
                                   service("b", 10, 4)};
    const auto made = servers_of_services(all, by_target);
    BOOST_TEST(text(made) == "a=a:10*1 b=b:10*1");
    BOOST_TEST_REQUIRE(made.warnings.size() == 1);
    BOOST_TEST(made.warnings[0] == "a is on several ports: 10 is used, 20, 30 not");
    const auto each = servers_of_services(all, by_port);
    BOOST_TEST(text(each) == "a:10=a:10*2 a:20=a:20*3 a:30=a:30*1 b:10=b:10*2");
    BOOST_TEST(each.warnings.empty());
}

BOOST_AUTO_TEST_CASE(a_record_twice_is_one_server) {
    const std::vector<Service> all{service("a", 10, 9), service("a", 10, 3)};
    BOOST_TEST(text(servers_of_services(all, by(SrvServers::Id::target_port, 1))) == "a:10=a:10*3");
    const auto made = servers_of_services(all, by(SrvServers::Id::target, 1));
    BOOST_TEST(text(made) == "a=a:10*3");
    BOOST_TEST(made.warnings.empty());
}

BOOST_AUTO_TEST_CASE(weights_count_by_the_unit_rounded_up) {
    const std::vector<Service> all{service("a", 1, 100), service("b", 1, 101), service("c", 1, 1),
                                   service("d", 1, 0)};
    const auto made = servers_of_services(all, by(SrvServers::Id::target, 100));
    BOOST_TEST(text(made) == "a=a:1*1 b=b:1*2 c=c:1*1 d=d:1*0");
}

BOOST_AUTO_TEST_CASE(without_a_unit_the_greatest_common_divisor_counts_as_one) {
    const std::vector<Service> all{service("a", 1, 60), service("b", 1, 90), service("c", 1, 0)};
    BOOST_TEST(text(servers_of_services(all, by_target)) == "a=a:1*2 b=b:1*3 c=c:1*0");
}

BOOST_AUTO_TEST_CASE(weights_of_zero_alone_are_equal) {
    const std::vector<Service> all{service("a", 1, 0), service("b", 1, 0)};
    BOOST_TEST(text(servers_of_services(all, by_target)) == "a=a:1*1 b=b:1*1");
    BOOST_TEST(text(servers_of_services(all, by(SrvServers::Id::target, 10))) == "a=a:1*1 b=b:1*1");
}

BOOST_AUTO_TEST_CASE(a_weight_beyond_the_ring_is_the_greatest) {
    const std::vector<Service> all{service("a", 1, 65'535), service("b", 1, 1)};
    const auto made = servers_of_services(all, by_target);
    BOOST_TEST(text(made) == "a=a:1*" + std::to_string(conf::weight_max) + " b=b:1*1");
    BOOST_TEST_REQUIRE(made.warnings.size() == 1);
    BOOST_TEST(made.warnings[0] ==
               "a:1 has weight 65535 of at most 1000: in DNS 65535, of which 1 is 1");
}

BOOST_AUTO_TEST_CASE(an_id_that_is_too_long_is_no_server) {
    std::string label(62, 'a');
    const std::string longest =
        label + '.' + label + '.' + label + '.' + std::string(60, 'b') + ".c";
    const std::vector<Service> all{service(longest, 10'000, 1), service("b", 1, 1)};
    BOOST_TEST(servers_of_services(all, by_target).servers.size() == 2);
    const auto made = servers_of_services(all, by_port);
    BOOST_TEST(text(made) == "b:1=b:1*1");
    BOOST_TEST(made.warnings.size() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

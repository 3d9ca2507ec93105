// The balancer's face: what it takes, what it refuses, what it publishes.
#include <limits>

#include <boost/test/unit_test.hpp>

#include "ring/analysis.h"
#include "ring/balancer.h"

namespace ringway::ring::test {
namespace {

// The message of the Error that `act` throws.
template <class Act>
std::string refusal(Act act) {
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

ServerSpec server(std::string id, std::uint32_t weight = 1) {
    return {.id = std::move(id),
            .weight = weight,
            .status = Status::online,
            .context = nullptr,
            .max_connections = 0};
}

Settings with_vnodes(std::uint32_t vnodes) {
    Settings settings;
    settings.vnodes = vnodes;
    return settings;
}

struct TwoServers {
    TwoServers() {
        balancer.register_server(server("a"));
        balancer.register_server(server("b"));
    }
    Balancer balancer{with_vnodes(16)};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(balancer)

BOOST_AUTO_TEST_CASE(an_empty_balancer_names_no_server) {
    const Balancer balancer{{}};
    BOOST_TEST(!balancer.server_for_key("key"));
    BOOST_TEST(balancer.snapshot()->generation() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_registered_server_serves_until_it_goes, TwoServers) {
    BOOST_TEST(balancer.server_status("a").has_value());
    balancer.set_status("a", Status::offline);
    BOOST_TEST((balancer.server_status("a") == Status::offline));
    for (int i = 0; i < 50; ++i)
        BOOST_TEST(balancer.server_for_key(std::to_string(i)).value() == "b");
    balancer.unregister_server("a");
    BOOST_TEST(!balancer.server_status("a"));
    balancer.set_status("b", Status::offline);
    BOOST_TEST(!balancer.server_for_key("key"));
}

BOOST_FIXTURE_TEST_CASE(members_are_sorted_and_found_by_id, TwoServers) {
    const std::string odd("\0\xff z", 4);
    balancer.register_server(server(odd, 3));
    const auto snapshot = balancer.snapshot();
    BOOST_REQUIRE(snapshot->members().size() == 3U);
    BOOST_TEST(snapshot->members()[0].id == odd);
    BOOST_TEST(snapshot->find(odd)->points == 48U);
    BOOST_TEST(snapshot->find("b") == &snapshot->members()[2]);
    BOOST_TEST(snapshot->find("c") == nullptr);
    BOOST_TEST(snapshot->point_count() == 80U);
}

BOOST_FIXTURE_TEST_CASE(a_batch_publishes_one_snapshot, TwoServers) {
    const auto before = balancer.snapshot();
    const std::vector<Change> changes{server("c"), SetStatus{"a", Status::offline}, Unregister{"b"},
                                      server("b", 2), SetWeight{"c", 5}};
    balancer.apply(changes);
    const auto after = balancer.snapshot();
    BOOST_TEST(after->generation() == before->generation() + 1);
    BOOST_TEST(after->find("a")->points == 0U);
    BOOST_TEST(after->find("b")->points == 32U);
    BOOST_TEST(after->find("c")->points == 80U);
    BOOST_TEST(before->find("a")->points == 16U);  // an old snapshot stays as it was
}

BOOST_FIXTURE_TEST_CASE(changes_that_change_nothing_publish_nothing, TwoServers) {
    balancer.apply({});
    balancer.set_status("a", Status::online);
    balancer.apply(std::vector<Change>{SetStatus{"a", Status::offline},
                                       SetStatus{"a", Status::online}, SetWeight{"b", 1}});
    BOOST_TEST(balancer.snapshot()->generation() == 3U);
}

BOOST_FIXTURE_TEST_CASE(a_refused_batch_changes_nothing, TwoServers) {
    const std::vector<Change> changes{SetStatus{"a", Status::offline}, Unregister{"nobody"}};
    BOOST_TEST(refusal([&] { balancer.apply(changes); }) == "server \"nobody\" is not registered");
    BOOST_TEST((balancer.server_status("a") == Status::online));
    BOOST_TEST(balancer.snapshot()->generation() == 3U);
}

BOOST_FIXTURE_TEST_CASE(errors_name_the_server_and_escape_its_bytes, TwoServers) {
    BOOST_TEST(refusal([&] { balancer.register_server(server("a")); }) ==
               "server \"a\" is already registered");
    BOOST_TEST(refusal([&] { balancer.set_status("x\n\"", Status::online); }) ==
               "server \"x\\x0a\\x22\" is not registered");
    BOOST_TEST(refusal([&] { balancer.unregister_server(std::string(300, 'x')); }) != "");
    BOOST_TEST(refusal([&] {
                   balancer.apply(std::vector<Change>{SetWeight{"b", 1001}});
               }) == "server \"b\": weight 1001 is more than 1000");
    BOOST_TEST(refusal([&] {
                   balancer.apply(std::vector<Change>{SetContext{"", nullptr}});
               }) == "server \"\" is not registered");
}

BOOST_FIXTURE_TEST_CASE(ids_have_1_to_255_bytes, TwoServers) {
    BOOST_TEST(refusal([&] { balancer.register_server(server("")); }) != "");
    BOOST_TEST(refusal([&] { balancer.register_server(server(std::string(256, 'x'))); }) != "");
    balancer.register_server(server(std::string(255, 'x')));
    BOOST_TEST(balancer.snapshot()->members().size() == 3U);
}

BOOST_AUTO_TEST_CASE(settings_out_of_range_are_refused) {
    const auto refused = [](Settings settings) {
        return refusal([&] { Balancer{settings}; }) != "";
    };
    BOOST_TEST(refused(with_vnodes(0)));
    BOOST_TEST(refused(with_vnodes(65'537)));
    BOOST_TEST(!refused(with_vnodes(65'536)));
    Settings settings;
    settings.mapping = 2;
    BOOST_TEST(refused(settings));
    settings = {};
    settings.seed.assign(4097, 's');
    BOOST_TEST(refused(settings));
}

BOOST_AUTO_TEST_CASE(a_ring_beyond_its_limits_is_refused_whether_online_or_not) {
    Balancer balancer{with_vnodes(65'536)};
    ServerSpec first = server("a", 200), second = server("b", 57);
    first.status = second.status = Status::offline;
    balancer.register_server(first);
    BOOST_TEST(refusal([&] { balancer.register_server(second); }).find("16777216") !=
               std::string::npos);
    BOOST_TEST(balancer.snapshot()->generation() == 2U);
    second.weight = 56;
    balancer.register_server(second);
    BOOST_TEST(balancer.snapshot()->point_count() == 0U);

    Balancer small{with_vnodes(1)};
    std::vector<Change> changes;
    for (int i = 0; i < 65'536; ++i) changes.push_back(server(std::to_string(i), 0));
    BOOST_TEST(refusal([&] { small.apply(changes); }).find("65535") != std::string::npos);
    changes.pop_back();
    small.apply(changes);
    BOOST_TEST(small.snapshot()->members().size() == 65'535U);
}

BOOST_FIXTURE_TEST_CASE(contexts_are_handed_out_and_kept_alive, TwoServers) {
    const auto context = std::make_shared<int>(7);
    balancer.apply(std::vector<Change>{SetContext{"a", context}});
    const auto snapshot = balancer.snapshot();
    BOOST_TEST(snapshot->find("a")->context == context);
    balancer.unregister_server("a");
    BOOST_TEST(snapshot->find("a")->context == context);
    BOOST_TEST(context.use_count() == 2);
}

BOOST_FIXTURE_TEST_CASE(a_reader_sees_the_newest_state, TwoServers) {
    Reader reader(balancer);
    BOOST_TEST(reader.current().find("c") == nullptr);
    const auto kept = reader.share();
    balancer.register_server(server("c"));
    BOOST_TEST(reader.current().find("c") != nullptr);
    BOOST_TEST(reader.share() == balancer.snapshot());
    BOOST_TEST(kept->find("c") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_ramp_has_its_bounds_and_needs_a_ring) {
    Balancer balancer{{}};
    balancer.register_server(server("a"));
    const auto ramp_to = [](Balancer& of, std::uint32_t ramp) {
        of.apply(std::vector<Change>{SetRamp{"a", ramp}});
    };
    BOOST_CHECK_THROW(ramp_to(balancer, 0), Error);
    BOOST_CHECK_THROW(ramp_to(balancer, 1'001), Error);
    ramp_to(balancer, 1);
    BOOST_TEST(balancer.snapshot()->find("a")->points == 1U);
    ramp_to(balancer, full_ramp);
    BOOST_TEST(balancer.snapshot()->find("a")->points == 704U);
    Balancer maglev{Settings{.algorithm = Algorithm::maglev}};
    maglev.register_server(server("a"));
    BOOST_CHECK_THROW(ramp_to(maglev, 500), Error);
    ramp_to(maglev, full_ramp);
}

BOOST_AUTO_TEST_CASE(a_draining_server_has_no_points_and_says_why) {
    Balancer balancer{{}};
    for (const char* const id : {"a", "b"}) balancer.register_server(server(id));
    const auto before = balancer.snapshot();
    balancer.set_status("a", Status::draining);
    const auto snapshot = balancer.snapshot();
    BOOST_TEST((balancer.server_status("a") == Status::draining));
    BOOST_TEST(snapshot->find("a")->points == 0U);
    BOOST_TEST((snapshot->verdict(*snapshot->find("a")) == Verdict::draining));
    BOOST_TEST(to_string(Verdict::draining) == "draining");
    balancer.set_status("a", Status::offline);
    BOOST_TEST((balancer.snapshot()->verdict(*balancer.snapshot()->find("a")) == Verdict::offline));
    balancer.set_status("a", Status::online);
    for (std::uint64_t i = 0; i < 100; ++i) {
        const std::uint64_t hash = i * 0x9e3779b97f4a7c15;
        BOOST_TEST(balancer.snapshot()->owner(hash)->id == before->owner(hash)->id);
    }
}

BOOST_FIXTURE_TEST_CASE(a_preview_is_what_the_changes_would_make_and_changes_nothing, TwoServers) {
    balancer.set_status("b", Status::offline);
    const auto before = balancer.snapshot();
    const std::vector<Change> changes{server("c", 3), SetStatus{"b", Status::online},
                                      Unregister{"a"}};
    const auto told = preview(before, changes);
    BOOST_TEST(balancer.snapshot() == before);
    BOOST_TEST(preview(before, {}) == before);
    balancer.apply(changes);
    BOOST_TEST(fingerprint(*told) == fingerprint(*balancer.snapshot()));
    BOOST_TEST(key_moves(*told, *balancer.snapshot()).moved == 0);
    BOOST_TEST(refusal([&] { preview(before, std::vector<Change>{Unregister{"z"}}); }) != "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ringway::ring::test

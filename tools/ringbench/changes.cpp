// Time of changes of membership, and memory of what they make.
#include <algorithm>

#include "tools/ringbench/measure.h"
#include "tools/ringbench/suites.h"

namespace ringway::bench {
namespace {

double ms_of(const std::function<void()>& act) {
    const double start = thread_ns();
    act();
    return (thread_ns() - start) / 1e6;
}

// Changes to one balancer, each the undoing of another.
class Changer {
public:
    Changer(const ring::Settings& settings, std::size_t servers)
        : servers_(servers), balancer_(make_balancer(settings, servers)) {}

    double offline() {
        id_ = "server-" + std::to_string(++turn_ * 7919 % servers_);
        return ms_of([&] { balancer_->set_status(id_, ring::Status::offline); });
    }
    double online() {
        return ms_of([&] { balancer_->set_status(id_, ring::Status::online); });
    }
    double add() {
        id_ = "more-" + std::to_string(++turn_);
        ring::ServerSpec server;
        server.id = id_;
        return ms_of([&] { balancer_->register_server(server); });
    }
    double remove() {
        return ms_of([&] { balancer_->unregister_server(id_); });
    }

private:
    std::size_t servers_;
    std::unique_ptr<ring::Balancer> balancer_;
    std::string id_;
    std::size_t turn_ = 0;
};

void measure_one(const Scope& scope, const ring::Settings& settings, const std::string& subject,
                 std::size_t servers, std::size_t vnodes, Report& report) {
    Changer changer(settings, servers);
    const auto build = [&] { return ms_of([&] { make_balancer(settings, servers); }); };
    std::vector<Contestant> changes{
        {"set offline", [&] { return changer.offline(); }, {}},
        {"set online", [&] { return changer.online(); }, {}},
        {"register", [&] { return changer.add(); }, {}},
        {"unregister", [&] { return changer.remove(); }, {}},
    };
    // Builds are slow: one of them to several of the others, all along the run.
    std::vector<Contestant> builds{{"build", build, {}}};
    const std::size_t each = std::max<std::size_t>(1, scope.flip_rounds / scope.build_rounds);
    for (std::size_t round = 0; round < scope.build_rounds; ++round) {
        take_turns(builds, 1);
        take_turns(changes, each);
    }
    changes.push_back(builds.front());
    for (const Contestant& change : changes)
        report.add(Result{change.name, subject, servers, vnodes, median(change.results), "ms"});

    const auto snapshot = make_balancer(settings, servers)->snapshot();
    report.add(Result{
        "memory of a point", subject, servers, vnodes,
        static_cast<double>(snapshot->point_bytes()) / static_cast<double>(snapshot->point_count()),
        "bytes"});
}

}  // namespace

void measure_changes(const Scope& scope, Report& report) {
    for (const std::size_t servers : scope.servers)
        for (const std::size_t vnodes : scope.vnodes)
            measure_one(scope, ring_settings(vnodes), "ringway", servers, vnodes, report);
    for (const std::size_t servers : scope.servers)
        measure_one(scope, maglev_settings(), "ringway maglev", servers, 0, report);

    double most_memory = 0;
    for (const std::size_t servers : {std::size_t{1'000}, std::size_t{10'000}}) {
        const auto ms = [&](const std::string& what) {
            return report.value(what, "ringway", servers, ring::default_vnodes);
        };
        const double flip = std::max(ms("set offline"), ms("set online"));
        report.add(Bar{"flip_of_build_" + std::to_string(servers) + "_servers",
                       100 * flip / ms("build"), "%", 5, false});
    }
    for (const std::size_t servers : scope.servers)
        for (const std::size_t vnodes : scope.vnodes)
            most_memory = std::max(most_memory,
                                   report.value("memory of a point", "ringway", servers, vnodes));
    report.add(Bar{"memory_of_a_point", most_memory, "bytes", 16, false});
}

}  // namespace ringway::bench

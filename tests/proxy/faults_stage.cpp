#include "tests/proxy/faults_stage.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/data/failure_reports.h"
#include "tests/proxy/faults_allocations.h"
#include "tests/proxy/unix_client.h"
#include "tests/proxy/worker_rig.h"
#include "tests/support/temp_dir.h"

namespace ringway::test::faults {

namespace {

using proxy::CloseReason;

// A worker with its servers, and a connection beside the one that has the fault.
class Stage {
public:
    explicit Stage(Life life) : life_(std::move(life)) {
        reports_ = std::make_shared<proxy::FailureReports>([] {});
        life_.settings.failure_reports = reports_;
        rig_ = std::make_unique<WorkerRig>(life_.settings);
        rig_->worker().ask(watch_this_thread);
        if (life_.has_dead_server) rig_->add_server("dead", bound_socket());
        const std::string socket = directory_.path("server");
        rig_->add_server("live", life_.is_unix ? unix_listener(socket, 16) : listening_socket());
        if (life_.has_dead_server) life_.key = rig_->key_of({"dead", "live"}) + "\n";
        beside_ = rig_->connect();
        send_all(beside_, life_.introduction + life_.key + "ping");
        beside_server_ = rig_->accept("live");
        reports_->take();
    }

    const Life& life() const { return life_; }

    Outcome run(const std::function<void()>& arm) {
        // The other connection has its bytes, so that nothing of it is counted.
        Outcome outcome;
        const std::string request = receive_request();
        outcome.require(request.ends_with("ping"), "the connection beside gets its request");
        arm();
        one(outcome, true);
        send_all(beside_server_, "pong");
        outcome.require(receive(beside_, 4) == "pong", "the connection beside is served");
        fail_nothing();
        after(outcome);
        return outcome;
    }

private:
    std::string receive_request() const {
        std::string request;
        while (!request.ends_with("ping")) {
            const std::string byte = receive(beside_server_, 1);
            if (byte.empty()) break;
            request += byte;
        }
        // The worker has nothing in hand any more.
        std::atomic<bool> idle{false};
        rig_->worker().ask([&] { idle = true; });
        eventually([&] { return idle.load(); });
        return request;
    }

    std::uint64_t active() const { return rig_->count(&proxy::ListenerCounts::active); }

    // The reason that has come up since `before`.
    CloseReason end_since(const std::vector<std::uint64_t>& before) const {
        const auto now = ends();
        for (std::size_t i = 0; i < now.size(); ++i) {
            if (now[i] > before[i]) return static_cast<CloseReason>(i);
        }
        return CloseReason::none;
    }

    std::vector<std::uint64_t> ends() const {
        std::vector<std::uint64_t> all;
        for (std::size_t i = 0; i < proxy::close_reason_count; ++i) {
            all.push_back(rig_->ended_by(static_cast<CloseReason>(i)));
        }
        return all;
    }

    void one(Outcome& outcome, bool armed) {
        const auto ended_before = ends();
        const auto given_before = rig_->count("live", &proxy::ServerCounts::total);
        Exchange exchange(life_, rig_->address(), rig_->socket("live"));
        const bool over = exchange.play([this] { return active() <= 1; });
        if (armed) {
            outcome.calls = calls();
            outcome.allocations = allocations();
            outcome.faults_of_nth = faults_of_nth();
            outcome.hit = hit();
            fail_nothing();
        }
        outcome.require(over, "it ends in time");
        outcome.end = end_since(ended_before);
        const bool given = rig_->count("live", &proxy::ServerCounts::total) > given_before;
        check_bytes(outcome, exchange, given);
        const auto reports = reports_->take();
        outcome.blames_server =
            reports[0] + reports[1] > (life_.has_dead_server && reports[1] == 0 ? 1U : 0U) ||
            rig_->count("live", &proxy::ServerCounts::connect_failures) > 0;
    }

    void check_bytes(Outcome& outcome, const Exchange& exchange, bool given) const {
        const auto& client = exchange.at_client();
        const bool has_answer = client.bytes == exchange.answer();
        outcome.require(exchange.answer().starts_with(client.bytes), "the answer is a prefix");
        outcome.require(!client.is_clean() || has_answer || !given,
                        "no clean end comes before the end of the answer");
        bool has_request = false;
        for (const auto& server : exchange.at_server()) {
            const bool whole = server.bytes == exchange.request();
            has_request = has_request || whole;
            outcome.require(exchange.request().starts_with(server.bytes),
                            "the request is a prefix");
            // A dial that was given up has no bytes, and a unix socket cannot be reset.
            const bool may_be_cut = (server.bytes.empty() && !given) || life_.is_unix;
            outcome.require(!server.is_clean() || whole || may_be_cut || server.bytes.empty(),
                            "no clean end comes before the end of the request");
        }
        if (outcome.end != CloseReason::done) return;
        outcome.require(has_answer && has_request && client.is_clean(), "what is done is whole");
    }

    // Everything is as if nothing had been.
    void after(Outcome& outcome) {
        Outcome next;
        one(next, false);
        for (const auto& law : next.broken) outcome.broken.push_back("after it: " + law);
        outcome.require(next.end == life_.end, "another connection is served after it");
        const bool refused = outcome.hit && outcome.hit->is("pipe2");  // for a second
        outcome.require(life_.bytes_up < 100'000 || refused || splices() > 0,
                        "pipes are there after it");
        beside_.close();
        beside_server_.close();
        outcome.require(rig_->is_idle(), "no connection is counted");
        outcome.require(rig_->quota().live() == 0 && rig_->total().live() == 0,
                        "no connection has a place in a quota");
    }

    TempDir directory_;
    Life life_;
    std::shared_ptr<proxy::FailureReports> reports_;
    std::unique_ptr<WorkerRig> rig_;
    Fd beside_;
    Fd beside_server_;
};

}  // namespace

Outcome run(const Life& life, const std::function<void()>& arm) {
    const std::size_t open = open_descriptors();
    Outcome outcome = [&] { return Stage(life).run(arm); }();
    outcome.require(open_descriptors() == open, "no descriptor is left open");
    return outcome;
}

}  // namespace ringway::test::faults

#include "tests/simulation/data/simulation.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "proxy/data/worker.h"
#include "tests/simulation/data/judge.h"
#include "tests/simulation/data/seam_thread.h"
#include "tests/simulation/data/world.h"
#include "tests/support/plain_ring.h"

namespace ringway::simulation::data {

namespace {

using namespace std::chrono_literals;
using Kind = Event::Kind;

// Between two looks at whether anything is still on its way.
constexpr auto calm_pause = 600ms;
// No settings let a connection live so much longer than the last event.
constexpr auto longest_end = 120s;

// Made worse by chance: a signal, a kernel without memory, only some of what is handed in.
test::RingMishap mishap_of_ring() {
    constexpr unsigned signal_in = 100;  // one call of so many
    constexpr unsigned failure_in = 5'000;
    constexpr unsigned partial_in = 20;
    RandomSource& random = Kernel::current()->random();
    if (random.one_in(signal_in)) return {.error = EINTR};
    if (random.one_in(failure_in)) return {.error = ENOMEM};
    if (random.one_in(partial_in)) return {.most = 1};
    return {};
}

class Simulation {
public:
    Simulation(const History& history, bool batched, bool trace);

    Outcome run();

private:
    void add_servers();
    std::shared_ptr<const proxy::Intake> intake() const;
    void idle(TimePoint told_at);
    void go_on();
    void apply(const Event& event);
    void evict(const Event& event);
    void cancel(std::uint64_t server);
    void drain();
    void stop();
    // After the last event.
    void calm_down();
    void when_calm(void (Simulation::*then)());
    void end_all();
    void wait_for_ends();
    std::uint64_t progress() const;
    void trace(const std::string& line) const;

    World world_;
    const bool trace_;
    Counts counts_;
    Judge judge_;
    std::shared_ptr<ring::Balancer> balancer_;
    proxy::Quota total_;
    std::unique_ptr<proxy::Worker> worker_;
    std::size_t done_ = 0;
    std::uint64_t progress_ = std::numeric_limits<std::uint64_t>::max();
    TimePoint ended_at_{};
};

Simulation::Simulation(const History& history, bool batched, bool trace)
    : world_(history),
      trace_(trace),
      judge_(world_, counts_),
      balancer_(std::make_shared<ring::Balancer>(ring::Settings{.vnodes = 4})),
      total_(world_.settings.total_limit) {
    counts_.listener = std::make_shared<proxy::PerWorker<proxy::ListenerCounts>>(1);
    counts_.pool = std::make_shared<proxy::PerWorker<proxy::PoolCounts>>(1);
    counts_.quota = std::make_shared<proxy::Quota>(world_.settings.listener_limit);
    add_servers();
    world_.kernel.watcher = &judge_;
    if (trace_) world_.tell = [this](const std::string& line) { this->trace(line); };
    world_.kernel.on_idle = [this](TimePoint told_at) { idle(told_at); };
    test::ring_mishap = mishap_of_ring;
    auto batch = batched ? std::make_unique<proxy::Batch>(proxy::Worker::buffer_bytes) : nullptr;
    worker_ =
        std::make_unique<proxy::Worker>(0, total_, world_.settings.most_pipes, std::move(batch));
}

void Simulation::add_servers() {
    const auto& limits = world_.settings.servers;
    for (std::size_t i = 0; i < limits.size(); ++i) {
        counts_.servers.push_back(std::make_shared<proxy::PerWorker<proxy::ServerCounts>>(1));
        conf::Endpoint address;
        address.address = {10, 0, 2, 1};
        address.port = static_cast<std::uint16_t>(first_server_port + i);
        const std::string id = "server-" + std::to_string(i);
        const auto server = std::make_shared<proxy::Server>(
            proxy::Server{id, address, counts_.servers[i], nullptr});
        balancer_->register_server({.id = id, .context = server, .max_connections = limits[i]});
    }
}

std::shared_ptr<const proxy::Intake> Simulation::intake() const {
    const Settings& settings = world_.settings;
    std::optional<conf::ProxyProtocol> expected;
    if (settings.expects_proxy) {
        expected =
            conf::ProxyProtocol{.v1 = true, .trusted = {*conf::Network::parse("10.0.0.0/8")}};
    }
    using Version = conf::SendProxy::Version;
    const auto backend = std::make_shared<const proxy::Backend>(proxy::Backend{
        .pool = "main",
        .connect = settings.connect,
        .send_proxy = {.version = settings.sends_proxy ? Version::v1 : Version::none},
        .ring = std::make_shared<proxy::PoolRing>(balancer_, 1),
        .counts = counts_.pool});
    const conf::ListenerRoute route{.pool = "main", .key = settings.key()};
    return std::make_shared<const proxy::Intake>(
        proxy::Intake{.listener = "front",
                      .routes = proxy::RouteTable({route}),
                      .backends = {backend},
                      .proxy_protocol = expected,
                      .timeouts = settings.timeouts,
                      .counts = counts_.listener,
                      .quota = counts_.quota,
                      .needs_destination = settings.sends_proxy});
}

Outcome Simulation::run() {
    Kernel& kernel = world_.kernel;
    world_.listener = &kernel.make<Listener>();
    proxy::Fd socket(kernel.open(*world_.listener));
    proxy::set_inherited_options(socket.get(), world_.settings.timeouts, {});
    worker_->run();
    worker_->listen("front", std::move(socket), intake());
    if (trace_) trace(world_.settings.to_text());
    kernel.after(0ms, [this] { go_on(); });
    try {
        worker_->join();
        worker_.reset();
        judge_.check_end();
    } catch (const std::exception& error) {
        kernel.violate("progress", error.what());
        // It is where no turn of its loop is left: what it holds is lost.
        static_cast<void>(worker_.release());
    }
    if (trace_) fmt::print("{} events, {} connections\n", done_, world_.cases.size());
    return {kernel.violation(), done_};
}

void Simulation::idle(TimePoint told_at) {
    if (world_.is_stopped) return;
    judge_.check_idle(told_at);
    if (world_.kernel.violation()) stop();
}

void Simulation::trace(const std::string& line) const {
    if (!trace_) return;
    const auto at = world_.kernel.now().time_since_epoch() - 1h;
    fmt::print("{:12.6f} {}\n", std::chrono::duration<double>(at).count(), line);
}

// Runs events until one takes time.
void Simulation::go_on() {
    while (!world_.is_stopped && done_ < world_.history.events.size()) {
        const Event& event = world_.history.events[done_++];
        if (trace_) trace(to_text(event));
        if (event.kind == Kind::wait) {
            return world_.kernel.after(std::chrono::microseconds(event.amount),
                                       [this] { go_on(); });
        }
        apply(event);
    }
    if (!world_.is_stopped) calm_down();
}

void Simulation::apply(const Event& event) {
    Kernel& kernel = world_.kernel;
    switch (event.kind) {
        case Kind::open:
            return world_.open(static_cast<unsigned>(event.who));
        case Kind::mode:
            if (event.who < world_.modes.size()) {
                world_.modes[event.who] = static_cast<ServerMode>(event.amount % server_modes);
            }
            return;
        case Kind::evict:
            return evict(event);
        case Kind::cancel:
            return cancel(event.who);
        case Kind::take_up:
            if (!world_.is_drained) worker_->take_up("front", intake());
            return;
        case Kind::lack:
            kernel.lacks_descriptors = event.amount == 0;
            kernel.lacks_watches = event.amount != 0;
            return;
        case Kind::lack_no_more:
            kernel.lacks_descriptors = kernel.lacks_watches = false;
            return;
        case Kind::sleep:
            return kernel.oversleep(std::chrono::microseconds(event.amount));
        case Kind::drain:
            return drain();
        case Kind::stop:
            return stop();
        default:
            return world_.act(event);
    }
}

void Simulation::evict(const Event& event) {
    if (event.who >= world_.modes.size()) return;
    cancel(event.who);
    const auto over = std::chrono::milliseconds(event.amount);
    const TimePoint now = world_.kernel.now();
    Order order{.server = event.who, .given_at = now, .due = now + over, .of = {}};
    for (const auto& [number, of] : world_.cases) {
        const bool meant = of.is_live() && of.is_relayed() && of.server->server == event.who;
        if (meant) order.of.push_back(&of);
    }
    world_.orders.push_back(std::move(order));
    worker_->evict({.server = counts_.servers[event.who],
                    .reason = proxy::CloseReason::server_down,
                    .over = over});
}

// The worker hears of it later: connections may still end by it until then.
void Simulation::cancel(std::uint64_t server) {
    if (server >= world_.modes.size()) return;
    worker_->cancel_eviction({.server = counts_.servers[server]});
    for (Order& order : world_.orders) {
        if (order.server == server) order.of.clear();
    }
}

void Simulation::drain() {
    if (world_.is_drained) return;
    world_.is_drained = true;
    worker_->drain([this] {
        const bool live = std::ranges::any_of(
            world_.cases, [](const auto& each) { return each.second.is_live(); });
        if (live) world_.kernel.violate("drain", "connections are left when it is over");
    });
}

void Simulation::stop() {
    if (std::exchange(world_.is_stopped, true)) return;
    worker_->stop();
}

void Simulation::calm_down() {
    world_.kernel.lacks_descriptors = world_.kernel.lacks_watches = false;
    std::ranges::fill(world_.modes, ServerMode::accepts);
    for (auto& [number, of] : world_.cases) {
        of.client->resume();
        std::erase_if(of.waiting, [](const Event& each) {
            return each.kind == Kind::server_pause || each.kind == Kind::server_slow;
        });
        if (of.server != nullptr) of.server->resume();
    }
    when_calm(&Simulation::end_all);
}

std::uint64_t Simulation::progress() const {
    std::uint64_t sum = world_.logged + world_.accepted;
    for (const auto& [number, of] : world_.cases) {
        sum += of.dials.size();
        for (const Link* const link : {of.client, of.server}) {
            if (link != nullptr) sum += link->arrived + link->consumed + link->queued + link->read;
        }
    }
    return sum;
}

void Simulation::when_calm(void (Simulation::*then)()) {
    if (world_.is_stopped) return;
    const std::uint64_t before = std::exchange(progress_, progress());
    if (before == progress_) return (this->*then)();
    world_.kernel.after(calm_pause, [this, then] { when_calm(then); });
}

void Simulation::end_all() {
    trace("all end");
    judge_.check_calm();
    for (auto& [number, of] : world_.cases) {
        of.client->end();
        if (of.server != nullptr) of.server->end();
    }
    ended_at_ = world_.kernel.now();
    wait_for_ends();
}

void Simulation::wait_for_ends() {
    if (world_.is_stopped) return;
    const bool live = std::ranges::any_of(world_.cases, [](const auto& each) {
        return !each.second.is_over && !each.second.is_refused();
    });
    if (!live) {
        // What the kernel still has of them arrives.
        return world_.kernel.after(3s, [this] { stop(); });
    }
    if (world_.kernel.now() > ended_at_ + longest_end) {
        world_.kernel.violate("end", "connections do not end");
    }
    for (auto& [number, of] : world_.cases) {
        if (of.server != nullptr) of.server->end();
    }
    world_.kernel.after(calm_pause, [this] { wait_for_ends(); });
}

}  // namespace

Outcome run(const History& history, bool trace) {
    Outcome outcome = Simulation(history, false, trace).run();
    if (outcome.violation) return outcome;
    outcome = Simulation(history, true, trace).run();
    if (outcome.violation) outcome.violation->what += ", with io_uring";
    return outcome;
}

}  // namespace ringway::simulation::data

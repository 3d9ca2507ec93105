#include "proxy/data/worker.h"

#include <pthread.h>

#include <new>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

namespace ringway::proxy {

Worker::Worker(std::size_t index, Quota& total, std::uint64_t most_pipes,
               std::unique_ptr<Batch> batch)
    : loop_([this] { after_round(); }, std::move(batch)),
      total_(total),
      pipes_(most_pipes),
      tools_{.relay = {.poller = loop_.poller(), .pipes = pipes_, .buffer = buffer_},
             .timers = loop_.timers(),
             .tls = tls_buffers_,
             .worker = index,
             .on_closed = [this](Connection& connection) { on_closed(connection); }} {}

Worker::~Worker() {
    if (!thread_.joinable()) return;
    stop();
    join();
}

void Worker::run() {
    thread_ = std::thread([this] {
        const std::string name = "worker-" + std::to_string(tools_.worker);
        ::pthread_setname_np(::pthread_self(), name.c_str());
        loop_.run();
    });
}

void Worker::listen(std::string address, Fd socket, std::shared_ptr<const Intake> intake) {
    // A command can be copied, a socket cannot.
    auto shared = std::make_shared<Fd>(std::move(socket));
    loop_.post([this, address = std::move(address), shared = std::move(shared),
                intake = std::move(intake)] {
        acceptors_[address] = std::make_unique<Acceptor>(
            std::move(*shared), intake, loop_.poller(), loop_.timers(), total_,
            [this](Stream stream, const conf::Endpoint& client,
                   const std::shared_ptr<const Intake>& by, Admission admission) {
                accepted(std::move(stream), client, by, std::move(admission));
            });
    });
}

void Worker::take_up(std::string address, std::shared_ptr<const Intake> intake) {
    loop_.post([this, address = std::move(address), intake = std::move(intake)] {
        acceptors_.at(address)->take_up(intake);
    });
}

void Worker::unlisten(std::string address, std::shared_ptr<void> open) {
    loop_.post([this, address = std::move(address), open = std::move(open)] {
        acceptors_.at(address)->accept_queue();
        acceptors_.erase(address);
    });
}

void Worker::ask(std::function<void()> answer) {
    loop_.post(std::move(answer));
}

void Worker::evict(Eviction eviction) {
    loop_.post([this, eviction = std::move(eviction)]() mutable {
        std::erase_if(evictors_, [&](const auto& evictor) {
            return evictor->is_over() || eviction.replaces(evictor->eviction());
        });
        auto evictor = std::make_unique<Evictor>(std::move(eviction), connections_, loop_.timers());
        if (!evictor->is_over()) evictors_.push_back(std::move(evictor));
    });
}

void Worker::cancel_eviction(Eviction eviction) {
    loop_.post([this, eviction = std::move(eviction)] {
        std::erase_if(evictors_,
                      [&](const auto& evictor) { return eviction.is_same(evictor->eviction()); });
    });
}

void Worker::drain(std::function<void()> empty) {
    loop_.post([this, empty = std::move(empty)] {
        for (auto& [name, acceptor] : acceptors_) acceptor->accept_queue();
        acceptors_.clear();
        on_empty_ = empty;
    });
}

void Worker::stop() {
    loop_.post([this] {
        acceptors_.clear();
        evictors_.clear();
        while (!connections_.empty()) connections_.front().cut(CloseReason::shutdown);
        loop_.stop();
    });
}

void Worker::join() {
    if (thread_.joinable()) thread_.join();
}

void Worker::accepted(Stream stream, const conf::Endpoint& client,
                      const std::shared_ptr<const Intake>& intake, Admission admission) {
    Connection* connection = nullptr;
    try {
        connection = new Connection(tools_, intake, client, std::move(admission));
    } catch (const std::bad_alloc&) {
        stream.close_with_reset();
        throw;
    }
    connections_.push_back(*connection);
    connection->start(std::move(stream));
}

void Worker::on_closed(Connection& connection) {
    connections_.erase(connections_.iterator_to(connection));
    ended_.push_back(connection);
}

void Worker::after_round() {
    destroy_closed();
    if (io_uring_failure() != 0 && !told_failure_) tell_failure();
}

void Worker::tell_failure() {
    spdlog::warn("worker-{}: io_uring has failed, plain calls take its place: {}", tools_.worker,
                 std::generic_category().message(io_uring_failure()));
    told_failure_ = true;
}

// Frees what ended, when no event for it can be in hand any more.
void Worker::destroy_closed() {
    ended_.clear_and_dispose([](Connection* connection) { delete connection; });
    if (on_empty_ && connections_.empty()) std::exchange(on_empty_, nullptr)();
}

}  // namespace ringway::proxy

#include "proxy/worker.h"

#include <pthread.h>

#include <utility>

#include <boost/asio/post.hpp>

namespace ringway::proxy {

Worker::Worker(std::size_t index)
    : work_(io_.get_executor()),
      poller_(io_, [this] { bury(); }),
      timers_(io_, [this] { bury(); }),
      tools_{.relay = {.poller = poller_, .pipes = pipes_, .buffer = buffer_},
             .timers = timers_,
             .worker = index,
             .retire = [](void* self, Connection& c) { static_cast<Worker*>(self)->retire(c); },
             .owner = this} {}

Worker::~Worker() = default;

void Worker::run() {
    thread_ = std::thread([this] {
        const std::string name = "worker-" + std::to_string(tools_.worker);
        ::pthread_setname_np(::pthread_self(), name.c_str());
        poller_.start();
        io_.run();
    });
}

void Worker::listen(std::string listener, Fd socket, std::shared_ptr<const Route> route) {
    boost::asio::post(io_, [this, listener = std::move(listener), socket = std::move(socket),
                            route = std::move(route)]() mutable {
        acceptors_[listener] = std::make_unique<Acceptor>(
            std::move(socket), std::move(route), poller_, timers_,
            [this](Fd client_socket, const conf::Endpoint& client,
                   const std::shared_ptr<const Route>& by,
                   std::shared_ptr<const ring::Snapshot> snapshot) {
                accepted(std::move(client_socket), client, by, std::move(snapshot));
            });
    });
}

void Worker::reroute(std::string listener, std::shared_ptr<const Route> route) {
    boost::asio::post(io_, [this, listener = std::move(listener), route = std::move(route)] {
        acceptors_.at(listener)->reroute(route);
    });
}

void Worker::unlisten(std::string listener) {
    boost::asio::post(io_, [this, listener = std::move(listener)] {
        acceptors_.at(listener)->accept_queue();
        acceptors_.erase(listener);
    });
}

void Worker::drain(std::function<void()> empty) {
    boost::asio::post(io_, [this, empty = std::move(empty)] {
        for (auto& [name, acceptor] : acceptors_) acceptor->accept_queue();
        acceptors_.clear();
        on_empty_ = empty;
        bury();
    });
}

void Worker::stop() {
    boost::asio::post(io_, [this] {
        acceptors_.clear();
        while (!connections_.empty()) connections_.front().cut(End::shutdown);
        bury();
        timers_.stop();
        poller_.stop();
        work_.reset();
    });
}

void Worker::join() {
    if (thread_.joinable()) thread_.join();
}

void Worker::accepted(Fd socket, const conf::Endpoint& client,
                      const std::shared_ptr<const Route>& route,
                      std::shared_ptr<const ring::Snapshot> snapshot) {
    auto* connection = new Connection(tools_, route, client);
    connections_.push_back(*connection);
    connection->start(std::move(socket), std::move(snapshot));
}

void Worker::retire(Connection& connection) {
    connections_.erase(connections_.iterator_to(connection));
    ended_.push_back(connection);
}

// Frees what ended, when no event for it can be in hand any more.
void Worker::bury() {
    ended_.clear_and_dispose([](Connection* connection) { delete connection; });
    if (on_empty_ && connections_.empty()) std::exchange(on_empty_, nullptr)();
}

}  // namespace ringway::proxy

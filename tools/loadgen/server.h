// One thread's servers: listening sockets, and what is done with the connections
// that they accept. A mode derives from Service. stop() from any thread; the rest
// is the thread's that calls run().
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "tools/loadgen/options.h"
#include "tools/loadgen/result.h"
#include "tools/loadgen/sockets.h"
#include "tools/loadgen/verify_end.h"

namespace ringway::loadgen {

class Service;

// What an epoll event is about: an accepted connection, or a service's listening
// socket when there is no `socket`.
struct Session {
    Service* service = nullptr;
    Fd socket;
    std::list<Session>::iterator place;  // in its service's list
    bool awaits_key_line = false;
    std::uint64_t received = 0;  // bytes; what of, the mode says
    std::uint64_t sent = 0;
    std::vector<char> buffer;              // echo
    std::unique_ptr<VerifyEnd> verifying;  // verify, once its header is there
    TimePoint begun{};                     // verify
};

class Service {
public:
    Service(const ServiceOptions& options, Fd listener, Events& events);
    virtual ~Service() = default;
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    void accept_waiting();
    void on_event(Session& session, std::uint32_t events);
    virtual void on_turn(TimePoint /*now*/) {}

    std::uint64_t accepted() const { return accepted_; }
    const Failures& failures() const { return failures_; }

protected:
    virtual void begin(Session& /*session*/) {}
    virtual void on_ready(Session& session, std::uint32_t events) = 0;

    void watch(Session& session, std::uint32_t events);
    void rewatch(Session& session, std::uint32_t events);
    void close(Session& session);
    void close_with_reset(Session& session);
    std::list<Session>& sessions() { return sessions_; }
    const ServiceOptions& options() const { return options_; }
    void count(Failure failure) { failures_.add(failure); }

private:
    bool take_key_line(Session& session);

    const ServiceOptions options_;
    Failures failures_;
    Fd listener_;
    Events& events_;
    Session listening_;
    std::list<Session> sessions_;
    std::uint64_t accepted_ = 0;
};

class Server {
public:
    // Throws std::system_error when an address is taken. `shared`: other threads
    // listen on the same addresses.
    Server(const std::vector<ServiceOptions>& services, bool shared);

    void run(TimePoint until);
    void stop();

    // The options with the ports that were taken for 0.
    const std::vector<ServiceOptions>& services() const { return options_; }
    std::uint64_t accepted(std::size_t service) const { return services_[service]->accepted(); }
    const Failures& failures(std::size_t service) const { return services_[service]->failures(); }

private:
    std::vector<ServiceOptions> options_;
    Events events_;
    Fd stop_;  // eventfd
    std::vector<std::unique_ptr<Service>> services_;
};

std::unique_ptr<Service> make_service(const ServiceOptions& options, Fd listener, Events& events);
std::unique_ptr<Service> make_verify(const ServiceOptions& options, Fd listener, Events& events);

}  // namespace ringway::loadgen

// What the links of each mode do. One thread each, as Client.
#pragma once

#include <optional>
#include <vector>

#include "tools/loadgen/client.h"
#include "tools/loadgen/verify_end.h"

namespace ringway::loadgen {

// An operation sends a message and waits for the same bytes to come back.
class RoundTrips : public Client {
public:
    RoundTrips(const RunOptions& options, Share share);

protected:
    void activate(Link& link) override { connect(link); }
    void on_connected(Link& link) override;
    void on_ready(Link& link, std::uint32_t events) override;
    void start(Link& link) override;

    // The message was returned.
    virtual void on_answer(Link& link) { finish(link); }
    bool receive_some(Link& link);
    // Sends the line of --key-line; false if that failed, which is counted.
    bool begin_with_key(Link& link);

private:
    void send_message(Link& link);
    void stamp(const Link& link);

    // One for all links; the first bytes are stamped with link and number, so
    // that an answer to another one is not taken for the right one.
    std::vector<char> message_;
    std::vector<char> answer_;
};

// Connections that do nothing. Each has made one round trip first, which proves that it reaches the
// server, unless --bytes is 0. The window begins when all are established.
class Idle final : public RoundTrips {
public:
    using RoundTrips::RoundTrips;

protected:
    void on_connected(Link& link) override;
    void on_answer(Link& link) override;
    bool is_warm() override;
    void on_window_begin() override;
    // A connection that the kernel has established and the proxy has not accepted is in the queue.
    bool may_activate() const override { return dialling() + busy() < max_dialling; }

private:
    unsigned held();
};

// An operation connects, sends a request, takes an answer to its end and closes.
class Connects final : public Client {
public:
    Connects(const RunOptions& options, Share share);

protected:
    void activate(Link& link) override { offer(link); }
    void on_connected(Link& link) override;
    void on_ready(Link& link, std::uint32_t events) override;
    void start(Link& link) override;

private:
    // Returns the events to wait for; 0 if it failed, which is counted.
    std::uint32_t send_request(Link& link);
    std::string request_of(const Link& link) const;

    const std::string payload_;
    std::vector<char> answer_;
};

// Streams at full speed. At the end the client half-closes: a sink then answers with its count of
// bytes, and a source ends as well.
class Bulk final : public Client {
public:
    Bulk(const RunOptions& options, Share share);

protected:
    void activate(Link& link) override { connect(link); }
    void on_connected(Link& link) override;
    void on_ready(Link& link, std::uint32_t events) override;
    void on_window_end() override;

private:
    void send_some(Link& link);
    void receive_some(Link& link);
    void receive_count(Link& link);
    void on_end(Link& link);

    const bool up_;
    std::vector<char> data_;
};

// An operation is a connection whose every byte is checked; see verify_end.h.
class Verifies final : public Client {
public:
    Verifies(const RunOptions& options, Share share);

protected:
    void activate(Link& link) override { offer(link); }
    void on_connected(Link& link) override;
    void on_ready(Link& link, std::uint32_t events) override;
    void start(Link& link) override;
    void on_turn() override;

private:
    struct End {
        std::uint64_t seed;
        VerifyEnd end;
    };

    void pump(Link& link);

    std::vector<std::optional<End>> ends_;  // by link
    std::uint64_t begun_ = 0;
    TimePoint pump_at_{};
};

}  // namespace ringway::loadgen

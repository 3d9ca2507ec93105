// One client's connection from accept to its log line. Worker thread only; the
// worker owns it and frees it after the round in which it ended.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/intrusive/list.hpp>

#include "conf/config.h"
#include "proxy/base/task.h"
#include "proxy/data/acceptor.h"
#include "proxy/data/close_reason.h"
#include "proxy/data/intake.h"
#include "proxy/data/preread.h"
#include "proxy/data/relay.h"
#include "proxy/data/server.h"
#include "proxy/data/standstill.h"
#include "proxy/net/address.h"
#include "proxy/net/stream.h"
#include "proxy/net/timers.h"
#include "ring/balancer.h"

namespace ringway::proxy {

class Connection;

// What a connection borrows from its worker.
struct ConnectionTools {
    RelayTools relay;
    Timers& timers;
    TlsBuffers& tls;
    std::size_t worker;                          // its index, for counts
    std::function<void(Connection&)> on_closed;  // hands an ended connection back
    std::uint32_t last_number = 0;               // of its connections
};

// First the coroutine open() runs, until a server has answered; from then on
// move_bytes(). Every event and deadline comes in through advance(), every end
// goes out through finish(). A lack of memory (std::bad_alloc) on the way ends it with
// local_error.
class Connection final : public boost::intrusive::list_base_hook<>,
                         private Side::Owner,
                         private Timer {
public:
    Connection(ConnectionTools& tools, std::shared_ptr<const Intake> intake,
               const conf::Endpoint& client, Admission admission);
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Begins with the accepted stream.
    void start(Stream stream) noexcept;

    // Ends it now, with resets to both sides.
    void cut(CloseReason reason);

    // The server that it is given to; nullptr where there is none yet.
    const Server* server() const { return slot_ ? &slot_.server() : nullptr; }
    // Whether it moves bytes to and from the server; otherwise it dials it.
    bool is_relayed() const { return relaying_; }
    // Ends the dial; the next server of the walk is tried.
    void abandon_dial();

private:
    enum class Received { bytes, clear, nothing_yet, ended, broken };
    // What the client sent before it had a server.
    struct FirstBytes {
        std::string head;    // within the limit of the key
        std::string beyond;  // what came with it
    };
    // The servers that it may be given to, in order.
    struct Candidates {
        std::shared_ptr<const ring::Snapshot> snapshot;
        std::optional<ring::Walk> walk;
        CloseReason none = CloseReason::no_server;  // why, if it gets to none of them
    };
    enum class Spill : std::uint8_t {
        none,
        owner_full,
        owner_failed
    };  // why it is not at the owner

    Task open(Origin from);
    std::optional<Origin> origin() const;
    Received receive(FirstBytes& first, std::size_t limit);
    IoResult shake_hands(Side& side);
    Received secure_client(Preread& preread, FirstBytes& first);
    void wait_for_key(const Preread& preread);
    CloseReason bring_in(Preread& preread, FirstBytes& first);
    CloseReason early_end() const;
    bool read_ahead(FirstBytes& first);
    void begin_walk(Candidates& candidates, const Preread& preread);
    bool claim_next(Candidates& candidates, const Preread& preread);
    void fall_back(CloseReason why);
    bool claim(const ring::Snapshot& snapshot, const ring::Member& member);
    int dial(const Preread& preread);
    TimePoint dial_ends_at(TimePoint spent_at) const;
    bool dial_is_pending();
    bool has_connected(int& error);
    bool begin_server_tls(Stream& stream, const Preread& preread);
    bool secures_server();
    void note_broken_handshake(int error);
    KeptTlsSession* kept_session() const;
    void note_tls_failure(std::string_view words);
    void drop_server(int error);
    void pass_over(Spill spill);
    void note_placement(const Preread& preread);
    void begin_relay(const Preread& preread, const std::string& head);

    void on_side_ready() override;
    bool will_read(const Side& side) const override { return relaying_ && relay_.is_copying(side); }
    void on_deadline() override;
    void advance(TimePoint now) noexcept;
    void advance_step(TimePoint now);
    void move_bytes(TimePoint now);
    Relay::State pump(TimePoint now);
    void acknowledge_answer(bool sent);
    void count_bytes();
    std::uint64_t progress() const;
    CloseReason broken_end() const;
    void finish(CloseReason reason);
    void report_early_reset(TimePoint now) const;
    std::string_view tls_error() const;
    std::string_view shown_pool() const;
    void write_log_line(TimePoint now) const;

    // Lines for debugging, where logs_debug().
    void debug(std::string_view message) const;
    void debug_placement(const ring::Snapshot& snapshot, const Preread& preread) const;
    void debug_full(const ring::Snapshot& snapshot, const ring::Member& member) const;
    void debug_dial() const;
    void debug_dialled(int error) const;
    void debug_end(TimePoint now) const;

    ConnectionTools& tools_;
    const std::shared_ptr<const Intake> intake_;
    const Admission admission_;  // to limits that intake_ keeps alive
    KeptEndpoint client_;        // by the PROXY header, once that was read
    Relay relay_;
    const Backend* backend_ = nullptr;  // that intake_ keeps alive; there once it has a route
    ServerSlot slot_;
    Task opening_;                                       // empty once the relay runs
    std::string key_;                                    // as far as the log shows it
    std::unique_ptr<const std::string> server_failure_;  // of TLS, the last while dialling
    TimePoint accepted_at_;
    Standstill standstill_;  // since the last progress of the relay; before it, the last dial
    float open_ms_ = 0;
    const std::uint32_t number_;    // of the worker's connections, for the log
    std::uint64_t counted_up_ = 0;  // bytes that are in the server's counts already
    std::uint64_t counted_down_ = 0;
    std::uint8_t attempts_ = 0;
    std::uint8_t abandoned_ = 0;  // of them, since their servers left
    PlacedBy placed_by_ = PlacedBy::nothing;
    CloseReason missing_ = CloseReason::none;  // why it was not placed by its key
    Spill spill_ = Spill::none;
    CloseReason end_ = CloseReason::none;
    bool speaks_first_ : 1 = false;     // to the server, and its answer is not acknowledged yet
    bool fell_back_ : 1 = false;        // its route's pool had no server for it
    bool has_first_bytes_ : 1 = false;  // of the client, that go to the server first
    bool answered_ : 1 = false;         // in the round before this one
    bool relaying_ : 1 = false;
    bool lasting_ : 1 = false;       // the server's socket is watched for a lost peer
    bool is_abandoned_ : 1 = false;  // the dial, by who leaves
    bool late_ : 1 = false;          // the deadline of the present step has passed
};

}  // namespace ringway::proxy

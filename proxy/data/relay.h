// Moves bytes between a client and a server, each direction on its own, until
// both have ended. What arrives is a prefix of what was sent, and a broken stream
// never ends as a clean one. One thread; no timers and no memory of its own
// while nothing is held back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "proxy/net/pipes.h"
#include "proxy/net/poller.h"
#include "proxy/net/stream.h"

namespace ringway::proxy {

// What one read brings at most; the same for those of a batch.
inline constexpr std::size_t relay_buffer_bytes = 64 << 10;

// What a relay borrows from its worker.
struct RelayTools {
    Poller& poller;
    Pipes& pipes;
    std::span<char> buffer;  // shared by the whole worker; holds nothing between calls
};

// One of the two streams, and its state by the events of the edge-triggered set.
class Side final : public PollHandler {
public:
    class Owner {
    public:
        // There were events of a side.
        virtual void on_side_ready() = 0;
        // Whether a read of a side is all that comes next once it has bytes.
        virtual bool will_read(const Side& side) const = 0;

    protected:
        virtual ~Owner() = default;
    };

    explicit Side(Owner& owner) : owner_(owner) {}
    void on_ready(std::uint32_t events) override;
    void begin_read(std::uint32_t events, Batch& batch) override;

    // Takes `opened` and has it watched; false if the kernel refuses.
    bool open(Stream opened, Poller& poller);
    // Closes the stream and resets the state.
    void close();
    void close_with_reset();

    Stream stream;
    bool readable = false;  // until a read says that it would block
    bool writable = false;  // until a write says that it would block
    bool hung_up = false;   // the peer has ended its direction: read until the end
    bool urgent = false;    // urgent data came: reads and splices stop at its mark
    bool broken = false;    // reset, or failed in another way
    bool gone = false;      // reset after all was said: nothing is lost, and nothing waited for
    int error = 0;          // why it is broken, as errno

    // Both directions of a broken side have failed. Keeps the first reason; for 0 asks the stream.
    void set_broken(int reason);

private:
    Owner& owner_;
};

class Relay {
public:
    enum class State : std::uint8_t {
        moving,    // waits for events
        writing,   // the batch of this round has writes of it: an event follows in this round
        settling,  // one side broke: waits until the other has acknowledged what came before.
                   // There is no event for it: call pump() again within milliseconds
        ended,     // both directions ended and are delivered as far as anybody must wait for
                   // it, or nothing is left to deliver after a reset
    };

    Relay(Side::Owner& owner, RelayTools& tools) : tools_(tools), client_(owner), server_(owner) {}

    Side& client() { return client_; }
    Side& server() { return server_; }
    const Side& client() const { return client_; }
    const Side& server() const { return server_; }

    // Bytes that were read from the client before the relay began; they are the
    // first that the server gets.
    void hold_for_server(std::string_view head);

    // Moves what can be moved now, within a budget. If a direction finds a side broken, only
    // what that side sent before is still delivered.
    State pump();

    // Whether the bytes of a side are given on by copies now, and none waits to be given on.
    bool is_copying(const Side& from) const {
        const bool is_up = &from == &client_;
        const Flow& flow = is_up ? up_ : down_;
        const Stream& to = is_up ? server_.stream : client_.stream;
        return !flow.bulk && !flow.ended && !flow.holds() && !to.holds_unsent();
    }

    // Closes both streams; with resets unless both directions have ended.
    void close();

    std::uint64_t bytes_up() const { return up_.bytes; }      // client to server
    std::uint64_t bytes_down() const { return down_.bytes; }  // server to client
    int closed_directions() const { return int{up_.closed} + int{down_.closed}; }
    bool half_closed() const { return closed_directions() > 0; }
    // Read from one side and not yet taken by the other, either way.
    bool holds_bytes() const { return up_.holds() || down_.holds(); }

private:
    // Bytes that the reader did not take at once. Exists only while there are any.
    struct Held {
        std::size_t begin;
        std::size_t end;
        std::unique_ptr<char[]> data;
        std::string_view bytes() const { return {data.get() + begin, end - begin}; }
    };

    // One direction.
    struct Flow {
        std::uint64_t bytes = 0;  // given to the reading side
        std::unique_ptr<Held> held;
        Pipe pipe;
        std::uint32_t piped = 0;      // bytes in the pipe
        std::uint32_t since_dry = 0;  // spliced since the source last ran dry, at most 4 GiB
        std::uint8_t signs = 0;       // in a row, for a change between copy and splice
        bool bulk = false;            // splice rather than copy
        bool ended = false;           // the source has no more
        bool closed = false;          // and the end was passed on to the reading side
        bool holds() const { return held != nullptr || piped > 0; }
    };

    bool take_written();
    State move_both();
    bool is_delivered();
    bool intact() const { return !client_.broken && !server_.broken; }
    void move(Flow& flow, Side& from, Side& to, const Flow& other);
    bool deliver_held(Flow& flow, Side& to);
    void copy(Flow& flow, Side& from, Side& to);
    void give(Flow& flow, Side& to, std::string_view bytes, IoResult taken);
    Batch::Slot* slot_of(const Side& side);
    void fill_pipe(Flow& flow, Side& from, Side& to);
    void ran_dry(Flow& flow);
    static void note_sign(Flow& flow, bool sign, int enough);
    static void set_bulk(Flow& flow, bool bulk);
    void hold(Flow& flow, std::string_view bytes);
    State settle(Flow& flow, Side& from, Side& to, const Flow& other);

    RelayTools& tools_;
    Side client_;
    Side server_;
    Flow up_;
    Flow down_;
    bool writing_ = false;  // the batch has a write, not carried out or not taken note of yet
    bool lingers_ = false;  // both directions have ended: waits for the last acknowledgement
};

}  // namespace ringway::proxy

// One end of a connection whose every byte is known beforehand: sends its stream in random pieces
// with pauses, and checks what it receives against the stream that the other end sends. Both ends
// derive everything from one seed.
//
// What it proves of a proxy between them: what arrives is a prefix of what was sent, all of it
// where the stream ended cleanly; a half-closed connection continues in the other direction; and a
// broken stream never ends as a clean one. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "tools/loadgen/clock.h"
#include "tools/loadgen/random.h"
#include "tools/loadgen/result.h"
#include "tools/loadgen/sockets.h"

namespace ringway::loadgen {

// How a connection ends.
enum class Ending : std::uint8_t {
    client_first,   // the client ends its direction; the server ends after it has seen that
    server_first,   // the other way round
    each_alone,     // each ends when it has sent all, independent of the other
    client_resets,  // the client resets in mid-stream
    server_resets,
};

// The plan of a connection, from its seed. In bytes.
struct VerifyPlan {
    // Sizes are at most `max_bytes`, which is 1 at least.
    VerifyPlan(std::uint64_t seed, std::uint64_t max_bytes);

    std::uint64_t seed;
    std::uint64_t max_bytes;
    std::uint64_t up_bytes;
    std::uint64_t down_bytes;
    Ending ending;
    std::uint64_t broken_after;  // the bytes that the resetting end sends before
};

// The header that the client sends first, so that the server knows the plan.
class VerifyHeader {
public:
    static constexpr std::size_t size_bytes = 24;
    using Bytes = std::array<char, size_bytes>;

    static Bytes encode(const VerifyPlan& plan);
    // Nothing if these bytes are not a header.
    static std::optional<VerifyPlan> decode(const Bytes& bytes);
};

class VerifyEnd {
public:
    enum class Role : std::uint8_t { client, server };
    enum class State : std::uint8_t { running, done, failed };

    VerifyEnd(const VerifyPlan& plan, Role role);

    // Does what can be done now on `socket`, after epoll reported `events`, or after a pause.
    // Closes it with a reset if the plan says so. Afterwards: done when the connection ended as
    // planned, failed with failure() when not.
    State pump(Fd& socket, TimePoint now);

    Failure failure() const { return failure_; }
    std::uint64_t sent() const { return sent_; }
    std::uint64_t received() const { return received_; }

private:
    State send_some(Fd& socket, TimePoint now);
    State receive_some(Fd& socket, TimePoint now);
    State on_broken();
    State on_end();
    State fail(Failure failure);
    bool may_end() const;
    std::uint64_t bytes_to_send() const;
    std::uint64_t bytes_to_receive() const;
    bool breaks_off() const;
    bool is_broken_off() const;

    const VerifyPlan plan_;
    const Role role_;
    const Stream out_;
    const Stream in_;
    Random pace_;
    TimePoint send_after_{};
    TimePoint receive_after_{};
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    bool ended_ = false;    // our direction
    bool saw_end_ = false;  // the other one
    Failure failure_{};
};

}  // namespace ringway::loadgen

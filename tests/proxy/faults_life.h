// A connection from accept to its end, both of whose peers a test plays. Test thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "conf/config.h"
#include "proxy/data/close_reason.h"
#include "tests/proxy/worker_rig.h"

namespace ringway::test::faults {

// What a connection is like.
struct Life {
    const char* name;
    RigSettings settings{};
    std::string introduction{};  // sent first, and read by the proxy alone
    std::string key{};           // sent next; the server gets it too
    std::size_t bytes_up = 2000;
    std::size_t bytes_down = 3000;
    bool client_ends_first = false;  // before the answer; otherwise after its end
    bool has_dead_server = false;    // the first of the key's walk, which refuses
    bool is_unix = false;            // the server
    bool resets = false;             // the server, after half of its answer
    proxy::CloseReason end = proxy::CloseReason::done;  // without a fault
};

// The lives that there are, and the longest time for which one may last.
std::vector<Life> lives();
inline constexpr std::chrono::seconds longest_life{15};

// How a peer's stream came and ended.
struct Stream {
    std::string bytes;
    bool ended = false;
    int error = 0;  // with which it ended; 0 for a clean end
    bool is_clean() const { return ended && error == 0; }
};

// One exchange: the client sends all, the server answers once it has it.
class Exchange {
public:
    Exchange(const Life& life, const conf::Endpoint& front, const Fd& server);

    // Plays both peers until `is_over` and both have seen the end; false if that takes too long.
    template <class Predicate>
    bool play(Predicate is_over) {
        const auto deadline = std::chrono::steady_clock::now() + longest_life;
        while (!have_ended() || !is_over()) {
            if (std::chrono::steady_clock::now() >= deadline) return false;
            turn();
        }
        return true;
    }

    const std::string& answer() const { return answer_; }
    const std::string& request() const { return request_; }  // as the server gets it
    const Stream& at_client() const { return client_.stream; }
    // One for each time that the server was dialled.
    std::vector<Stream> at_server() const;

private:
    struct Peer {
        Fd socket;
        Stream stream{};
        std::size_t sent = 0;
        bool shut = false;
        int failed = 0;          // the errno of a write
        bool ends_first = true;  // before the other direction
        bool resets = false;
    };

    bool have_ended() const;
    void turn();
    void act(Peer& peer, const std::string& bytes, std::size_t wants) const;

    const Life& life_;
    const Fd& listening_;
    std::string sent_by_client_;
    std::string request_;
    std::string answer_;
    Peer client_;
    std::vector<Peer> servers_;
};

}  // namespace ringway::test::faults

// Descriptors of a simulated kernel that are no sockets: what tells a loop of commands, and pipes.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "tests/simulation/data/kernel.h"

namespace ringway::simulation::data {

class Link;

// eventfd(2).
class EventFile final : public File {
public:
    std::uint32_t ready() const override { return count > 0 ? std::uint32_t{EPOLLIN} : 0; }
    std::uint64_t count = 0;
};

// timerfd(2). What it was set to and what has rung are told apart by number.
class TimerFile final : public File {
public:
    std::uint32_t ready() const override { return rang ? std::uint32_t{EPOLLIN} : 0; }
    bool rang = false;
    std::uint64_t settings = 0;
};

// What both ends of a pipe share. It knows where its bytes are from, and needs no copy of them.
class Pipe {
public:
    struct Piece {
        const Link* source;
        std::uint64_t at;  // in what the peer of `source` has sent
        std::size_t bytes;
    };
    // One a slot (pipe(7)): a few bytes may take as much of a pipe as a page run.
    std::deque<Piece> pieces;
    std::size_t slots = 16;
    std::size_t bytes = 0;
    unsigned ends = 2;

    void push(const Link& source, std::uint64_t at, std::size_t size);
    void drop(std::size_t size);  // from the first piece
};

class PipeEnd final : public File {
public:
    std::uint32_t ready() const override { return 0; }
    void closed() override { --pipe->ends; }
    std::shared_ptr<Pipe> pipe;
};

}  // namespace ringway::simulation::data

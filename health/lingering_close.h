// Lingering close of connections of checks that have a result: what the server still sends is read
// until it ends its side, so that it sees neither a reset nor an error. Bounded in time, in bytes,
// and in connections at once; beyond that the connection is closed immediately. Lives on one
// io_context: every call on its thread.
#pragma once

#include <cstddef>
#include <memory>
#include <set>

#include <boost/asio/generic/stream_protocol.hpp>

#include "health/schedule.h"

namespace ringway::health {

class LingeringCloses {
public:
    static constexpr std::size_t at_once_max = 64;
    static constexpr std::size_t bytes_max = 256 << 10;  // the most that is read and discarded

    enum class Way {
        await_end,   // the server ends first: the request asked for it
        end_at_once  // our side ends now, with a FIN
    };

    LingeringCloses() = default;
    ~LingeringCloses() { clear(); }
    LingeringCloses(const LingeringCloses&) = delete;
    LingeringCloses& operator=(const LingeringCloses&) = delete;

    void add(boost::asio::generic::stream_protocol::socket socket, Way way,
             Clock::time_point until);
    // Closes all now.
    void clear();

private:
    struct LingeringClose;
    void read_on(const std::shared_ptr<LingeringClose>& one);
    void await(const std::shared_ptr<LingeringClose>& one);
    void close(const std::shared_ptr<LingeringClose>& one);

    std::set<std::shared_ptr<LingeringClose>> all_;
};

}  // namespace ringway::health

// Background work on a thread of its own.
#pragma once

#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "proxy/control/background.h"

namespace ringway::proxy {

// Destroyed, it waits for the work in hand and drops the rest.
class BackgroundThread final : public Background {
public:
    // `nice` as in nice(2): how far it stands back for the workers.
    BackgroundThread(boost::asio::io_context& io, std::string name, int nice);
    ~BackgroundThread() override;
    void run(Step work, Step then) override;

private:
    boost::asio::io_context& io_;
    const std::string name_;
    boost::asio::thread_pool thread_;
};

}  // namespace ringway::proxy

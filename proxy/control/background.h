// Work that takes long, done beside a loop rather than on it.
#pragma once

#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

namespace ringway::proxy {

class Background {
public:
    using Step = std::function<void()>;

    virtual ~Background() = default;
    // Runs `work` away from the loop, one after another in the order of the calls, and then
    // `then` on the loop. Called on the loop; what `work` touches nobody else may until then.
    virtual void run(Step work, Step then) = 0;
};

// At once, on the caller's thread: for where nobody waits, and for tests.
class Inline final : public Background {
public:
    void run(Step work, Step then) override {
        work();
        then();
    }
};

// On a thread of its own. Destroyed, it waits for the work in hand and drops the rest.
class BackgroundThread final : public Background {
public:
    // `nice` as in nice(2): how far it stands back for the workers.
    BackgroundThread(boost::asio::io_context& io, std::string name, int nice);
    ~BackgroundThread() override;
    void run(Step work, Step then) override;

private:
    boost::asio::io_context& io_;
    boost::asio::thread_pool thread_{1};
};

// Runs `work` on `background`; goes on with the loop of the coroutine that awaits it, which
// gets what `work` throws.
boost::asio::awaitable<void> in_background(Background& background, Background::Step work);

}  // namespace ringway::proxy

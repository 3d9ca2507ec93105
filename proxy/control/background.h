// Work that takes long, done beside a loop rather than on it.
#pragma once

#include <functional>

#include <boost/asio/awaitable.hpp>

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

// Runs `work` on `background`; goes on with the loop of the coroutine that awaits it, which
// gets what `work` throws.
boost::asio::awaitable<void> in_background(Background& background, Background::Step work);

}  // namespace ringway::proxy

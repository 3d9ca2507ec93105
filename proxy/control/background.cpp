#include "proxy/control/background.h"

#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ringway::proxy {

namespace asio = boost::asio;

asio::awaitable<void> in_background(Background& background, Background::Step work) {
    asio::steady_timer done(co_await asio::this_coro::executor,
                            asio::steady_timer::time_point::max());
    std::exception_ptr thrown;
    Background::Step guarded = [&work, &thrown] {
        try {
            work();
        } catch (...) {
            thrown = std::current_exception();
        }
    };
    // A timer that is moved to the past ends a wait, also one that has yet to begin.
    background.run(std::move(guarded),
                   [&done] { done.expires_at(asio::steady_timer::time_point::min()); });
    co_await done.async_wait(asio::as_tuple(asio::use_awaitable));
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace ringway::proxy

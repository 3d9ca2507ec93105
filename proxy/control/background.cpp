#include "proxy/control/background.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ringway::proxy {

namespace asio = boost::asio;

BackgroundThread::BackgroundThread(asio::io_context& io, std::string name, int nice) : io_(io) {
    asio::post(thread_, [name = std::move(name), nice] {
        ::pthread_setname_np(::pthread_self(), name.c_str());
        // Of this thread alone, as Linux has it (setpriority(2), BUGS).
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice);
    });
}

BackgroundThread::~BackgroundThread() {
    thread_.stop();
    thread_.join();
}

void BackgroundThread::run(Step work, Step then) {
    // The loop has something to wait for until `then` is there.
    asio::post(thread_, [this, work = std::move(work), then = std::move(then),
                         guard = asio::make_work_guard(io_)]() mutable {
        work();
        asio::post(io_, std::move(then));
    });
}

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

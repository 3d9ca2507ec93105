#include "proxy/control/background_thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace ringway::proxy {

namespace asio = boost::asio;

BackgroundThread::BackgroundThread(asio::io_context& io, std::string name, int nice)
    : io_(io), name_(std::move(name)), thread_(1) {
    asio::post(thread_, [this, nice] {
        ::pthread_setname_np(::pthread_self(), name_.c_str());
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

}  // namespace ringway::proxy

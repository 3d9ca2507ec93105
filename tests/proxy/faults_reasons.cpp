#include "tests/proxy/faults_reasons.h"

#include <cerrno>
#include <string_view>

namespace ringway::test::faults {

namespace {

using enum proxy::CloseReason;

constexpr std::string_view transfers[] = {"recv", "send", "splice", "shutdown"};
// An option, a question or a pipe is a help. A close has closed (close(2)), and a connection
// that was not accepted is still there.
constexpr std::string_view helps[] = {"accept4", "getsockopt", "setsockopt", "ioctl",       "fcntl",
                                      "pipe2",   "close",      "epoll_wait", "getpeername", "peek"};

bool is_one_of(const Hit& hit, auto& names) {
    return std::ranges::count(names, hit.call) > 0;
}

bool lacks_memory(int error) {
    return error == ENOMEM || error == ENOBUFS;
}

bool is_lost(int error) {
    return error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
}

Fit of_transfer(const Hit& hit) {
    const int error = hit.fault.error;
    if (error == 0 || error == EAGAIN) return {{done}};
    if (hit.call != "shutdown" && lacks_memory(error)) return {{local_error}};
    if (hit.role == Role::client) {
        return {{is_lost(error) ? client_lost : client_reset, client_left}};
    }
    return {{is_lost(error) ? server_lost : server_reset, connect_failed}, true};
}

Fit of_call(const Hit& hit, const Life& life) {
    const int error = hit.fault.error;
    if (is_one_of(hit, helps)) return {{done}};
    if (is_one_of(hit, transfers)) return of_transfer(hit);
    if (hit.is("connect") && !life.is_unix) {
        const bool is_local =
            error == EADDRNOTAVAIL || error == EADDRINUSE || error == EAGAIN || lacks_memory(error);
        if (!is_local) return {{connect_failed, done}, true};
    } else if (hit.is("connect")) {
        return {{lacks_memory(error) ? done : connect_failed, local_error}, true};
    }
    // Another server may have been dialled before.
    if (life.has_dead_server) return {{local_error, done, connect_failed}};
    return {{local_error, done}};
}

}  // namespace

Fit fits(const Hit& hit, const Life& life) {
    Fit fit = of_call(hit, life);
    std::ranges::replace(fit.ends, done, life.end);
    // A fault may come after the reset.
    if (life.resets) fit.ends.push_back(life.end);
    fit.may_blame_server = fit.may_blame_server || life.resets;
    return fit;
}

}  // namespace ringway::test::faults

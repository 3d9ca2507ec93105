#include "proxy/text/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <string>
#include <system_error>

namespace ringway::proxy {

void hold_standard_streams() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        // The lowest free number is given out, which is this one.
        if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDONLY);
    }
}

Result<void> finish_output() {
    errno = 0;
    std::cout.flush();
    const bool flushed = std::fflush(stdout) == 0;
    const int reason = errno;
    if (flushed && std::cout && std::ferror(stdout) == 0) return {};
    // The errno of an earlier write is lost.
    const std::string why = reason != 0 ? std::generic_category().message(reason)
                                        : std::string("not all output could be written");
    return Reason("standard output: " + why);
}

}  // namespace ringway::proxy

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "conf/config.h"
#include "conf/yaml.h"

namespace ringway::conf {
namespace {

class Descriptor {
public:
    explicit Descriptor(int value) : value_(value) {}
    ~Descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return value_; }

private:
    const int value_;
};

Error problem(std::string message) {
    return Error{{}, "", std::move(message)};
}

Error system_problem(const std::string& what, int code) {
    return problem(what + ": " + std::generic_category().message(code));
}

Error open_problem(const std::string& path, int code) {
    struct stat link {};
    if (code == ENXIO) return problem("expected a regular file, found a socket");
    if (code == ENOENT && ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode)) {
        return problem("cannot be opened: the link leads nowhere");
    }
    return system_problem("cannot be opened", code);
}

std::string_view kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a FIFO";
    return "a device";
}

}  // namespace

Result<std::string, Error> read_file(const std::string& path) {
    // O_NONBLOCK: opening a FIFO must not wait for a writer. A regular file ignores it.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (file.get() < 0) return open_problem(path, errno);

    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return system_problem("cannot be examined", errno);
    if (!S_ISREG(status.st_mode)) {
        return problem("expected a regular file, found " + std::string(kind_of(status.st_mode)));
    }

    // The size is not trusted: the file may grow while it is read.
    std::string text;
    std::size_t used = 0;
    while (used <= text_bytes_max) {
        text.resize(used + (std::size_t{64} << 10));
        const auto got = ::read(file.get(), text.data() + used, text.size() - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_problem("cannot be read", errno);
        used += static_cast<std::size_t>(got);
        if (got == 0) {
            text.resize(used);
            return text;
        }
    }
    return problem("the file is larger than 16 MiB");
}

}  // namespace ringway::conf

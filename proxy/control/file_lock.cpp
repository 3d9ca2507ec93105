#include "proxy/control/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace ringway::proxy {

namespace {

// The number that the holder wrote; empty where it has yet to.
std::string holder_of(const Fd& file) {
    std::array<char, 16> text{};
    const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
    const std::string_view digits(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    return std::string(digits.substr(0, digits.find_first_not_of("0123456789")));
}

}  // namespace

Result<FileLock, FileLock::Refusal> FileLock::take(const std::string& path) {
    const auto refused = [&] {
        const auto reason = std::generic_category().message(errno);
        return Refusal{Refusal::Kind::unavailable,
                       fmt::format("{} cannot be locked: {}", path, reason)};
    };
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                   S_IRUSR | S_IWUSR));
    if (!file) return refused();
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return refused();
        const std::string holder = holder_of(file);
        return Refusal{Refusal::Kind::held,
                       holder.empty() ? path + " is locked by another process"
                                      : fmt::format("{} is locked by process {}", path, holder)};
    }
    // For people: a lock counts without it.
    const std::string number = fmt::format("{}\n", ::getpid());
    if (::ftruncate(file.get(), 0) == 0) {
        [[maybe_unused]] const auto ignored = ::pwrite(file.get(), number.data(), number.size(), 0);
    }
    return FileLock(std::move(file));
}

}  // namespace ringway::proxy

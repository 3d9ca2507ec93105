#include "proxy/net/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "proxy/base/fd.h"
#include "proxy/net/address.h"

namespace ringway::proxy {

namespace {

// Whether a socket file is stale: only ECONNREFUSED means that no process listens.
bool is_stale(const std::string& path) {
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const SocketAddress address(conf::Endpoint{.is_unix = true, .path = path});
    return ::connect(probe.get(), &address.any, address.size) != 0 && errno == ECONNREFUSED;
}

}  // namespace

Result<void> clear_socket_file(const std::string& path) {
    if (path.size() >= sizeof(sockaddr_un::sun_path)) return Reason("the path is too long");
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) return {};
    if (!S_ISSOCK(found.st_mode)) return Reason("the file exists and is not a socket");
    if (!is_stale(path)) return Reason("another process listens on it");
    ::unlink(path.c_str());
    return {};
}

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
    struct stat made {};
    if (::lstat(path_.c_str(), &made) != 0) path_.clear();
    device_ = made.st_dev;
    inode_ = made.st_ino;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
    if (this == &other) return *this;
    remove();
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
    return *this;
}

void SocketFile::remove() {
    if (is_at(path_)) ::unlink(path_.c_str());
    path_.clear();
}

bool SocketFile::is_at(const std::string& path) const {
    struct stat found {};
    return !path_.empty() && ::lstat(path.c_str(), &found) == 0 && found.st_dev == device_ &&
           found.st_ino == inode_;
}

}  // namespace ringway::proxy

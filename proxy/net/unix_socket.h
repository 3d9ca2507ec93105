// Files of unix sockets that listen. Any thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "conf/result.h"

namespace ringway::proxy {

// Removes a stale socket file, on which no process listens. Fails if `path` cannot be listened on.
Result<void> clear_socket_file(const std::string& path);

// The file of a socket that this process has bound: removed with its owner, unless another file is
// at the path by then.
class SocketFile {
public:
    SocketFile() = default;
    // Of a socket bound to `path` a moment ago.
    explicit SocketFile(std::string path);
    SocketFile(SocketFile&& other) noexcept;
    SocketFile& operator=(SocketFile&& other) noexcept;
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;
    ~SocketFile() { remove(); }

    // Called before the socket is closed, so that no other process can listen there yet.
    void remove();
    // Whether `path` is this file, also through links.
    bool is_at(const std::string& path) const;

private:
    std::string path_;  // empty for none
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace ringway::proxy

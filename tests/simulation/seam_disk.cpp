// The disk under the state file: the calls that write it (open(2) of its PATH.new, write(2),
// fsync(2), rename(2)) fail as a World has them fail. After a crash none reaches the disk, and
// what was not synced before it may be lost.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "tests/simulation/world.h"

namespace {

using ringway::simulation::DiskFault;
using ringway::simulation::Unsynced;
using ringway::simulation::World;

std::string bytes_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void lose_unsynced(World& world) {
    Unsynced& unsynced = world.unsynced;
    if (unsynced.renamed_over && world.random().one_in(2)) {
        std::ofstream(*unsynced.renamed_over, std::ios::binary) << unsynced.replaced;
    }
    std::error_code ignored;
    const auto size = std::filesystem::file_size(unsynced.file, ignored);
    if (!ignored) {
        std::filesystem::resize_file(unsynced.file, world.random().below(size + 1), ignored);
    }
    unsynced = {};
}

// Whether this write happens; errno where it does not.
bool happens() {
    World* const world = World::current();
    const bool was_crashed = world->crashed();
    const DiskFault fault = world->next_fault();
    if (fault == DiskFault::none) return true;
    if (fault == DiskFault::crash && !was_crashed) lose_unsynced(*world);
    errno = fault == DiskFault::full ? ENOSPC : EIO;
    return false;
}

bool is_of_state(std::string_view path) {
    return World::current() != nullptr && path.ends_with(".json.new");
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list more;
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    if (is_of_state(path) && !happens()) return -1;
    const auto fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
    if (is_of_state(path)) {
        World::current()->unsynced.fd = fd;
        World::current()->unsynced.file = path;
    }
    return fd;
}

ssize_t write(int fd, const void* bytes, std::size_t size) {
    World* const world = World::current();
    if (world != nullptr && fd >= 0 && fd == world->unsynced.fd) {
        if (!happens()) return -1;
        if (size > 1 && world->random().one_in(8)) size /= 2;
    }
    return ::syscall(SYS_write, fd, bytes, size);
}

int close(int fd) {
    World* const world = World::current();
    if (world != nullptr && fd == world->unsynced.fd) world->unsynced.fd = -1;
    return static_cast<int>(::syscall(SYS_close, fd));
}

// Costs nothing here: what it promises is kept by lose_unsynced().
int fsync(int fd) {
    if (World::current() == nullptr) return static_cast<int>(::syscall(SYS_fsync, fd));
    Unsynced& unsynced = World::current()->unsynced;
    if (!happens()) return -1;
    if (fd == unsynced.fd) unsynced.file.clear();
    if (fd != unsynced.fd) unsynced = {};  // the folder's
    unsynced.fd = -1;
    return 0;
}

int rename(const char* from, const char* to) noexcept {
    if (is_of_state(from)) {
        if (!happens()) return -1;
        World::current()->unsynced.renamed_over = to;
        World::current()->unsynced.replaced = bytes_of(to);
    }
    return static_cast<int>(::syscall(SYS_rename, from, to));
}

}  // extern "C"

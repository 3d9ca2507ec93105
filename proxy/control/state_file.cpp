#include "proxy/control/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "conf/yaml.h"
#include "proxy/base/fd.h"
#include "proxy/control/state_text.h"

namespace ringway::proxy {

namespace {

// With the reason in errno.
Reason system_reason(const std::string& what) {
    return Reason(fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

// What was renamed to `path` is there after a power cut.
Result<void> sync_folder_of(const std::string& path) {
    const auto parent = std::filesystem::path(path).parent_path();
    const std::string folder = parent.empty() ? "." : parent.string();
    const Fd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) {
        return system_reason(folder + " cannot be synced");
    }
    return {};
}

// After a power cut at any moment the file holds either the old text or the new one.
Result<void> replace(const std::string& path, std::string_view text) {
    const std::string beside = path + ".new";
    {
        const Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                             S_IRUSR | S_IWUSR));
        if (!file) return system_reason(beside + " cannot be opened");
        if (!write_all(file.get(), text)) return system_reason(beside + " cannot be written");
        if (::fsync(file.get()) != 0) return system_reason(beside + " cannot be synced");
    }
    if (::rename(beside.c_str(), path.c_str()) != 0) {
        return system_reason(fmt::format("{} cannot be renamed to {}", beside, path));
    }
    return sync_folder_of(path);
}

bool exists(const std::string& path) {
    struct stat ignored {};
    return ::lstat(path.c_str(), &ignored) == 0 || errno != ENOENT;
}

}  // namespace

std::string StateFile::text_of(const Overrides& overrides) {
    decltype(lines_) lines;
    std::string text = state_text_of_lines(overrides, [&](const auto& pool, const auto& id,
                                                          const ServerOverrides& of_server) {
        auto& old = lines_[pool];
        auto known = old.extract(id);
        if (known.empty()) {
            known = old.extract(old.emplace(id, std::pair{ServerOverrides{}, std::string()}).first);
        }
        auto& [before, line] = known.mapped();
        if (line.empty() || before != of_server) {
            before = of_server;
            line = state_line(pool, id, of_server);
        }
        auto& kept = lines[pool];
        return std::string_view(kept.insert(kept.end(), std::move(known))->second.second);
    });
    lines_ = std::move(lines);
    return text;
}

Result<void, FileLock::Refusal> StateFile::try_lock() {
    if (path_.empty() || lock_) return {};
    auto taken = FileLock::take(path_ + ".lock");
    if (!taken) return taken.error();
    lock_ = std::move(*taken);
    return {};
}

Result<void> StateFile::lock() {
    const auto locked = try_lock();
    if (locked || locked.error().kind != FileLock::Refusal::Kind::held) return {};
    return Reason(fmt::format("{} is in use: {}", path_, locked.error().reason));
}

Result<Overrides> StateFile::load() {
    if (path_.empty() || !exists(path_)) return Overrides{};
    auto read = conf::read_file(path_);
    if (!read) return Reason(read.error().to_string(path_));
    auto parsed = parse_state(*read);
    if (!parsed) return Reason(fmt::format("{}: {}", path_, parsed.error().text));
    // The last change may have failed as it was to be synced: a later one may be of the same text.
    if (auto synced = sync_folder_of(path_)) {
        held_ = std::move(*read);
    } else {
        problem_ = synced.error().text;
    }
    return parsed;
}

Result<void> StateFile::keep(const Overrides& overrides) {
    if (path_.empty()) return Reason("no state file is configured (admin: state)");
    problem_.reset();
    std::string text = text_of(overrides);
    if (held_ == text) return {};
    if (auto locked = try_lock(); !locked) return failed(locked.error().reason);
    held_.reset();
    if (text.size() > conf::text_bytes_max) return failed(path_ + ": more than 16 MiB");
    if (auto replaced = replace(path_, text); !replaced) return failed(replaced.error().text);
    held_ = std::move(text);
    written_at_ = std::chrono::system_clock::now();
    return {};
}

Reason StateFile::failed(std::string reason) {
    problem_ = reason;
    return Reason(std::move(reason));
}

}  // namespace ringway::proxy

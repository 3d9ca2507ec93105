// The file that keeps what was said of servers at run time, over reloads, restarts and
// power cuts: written whole beside the old one, synced, renamed over it. Blocks for as
// long as the disk takes; control thread only.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "proxy/control/file_lock.h"
#include "proxy/control/overrides.h"

namespace ringway::proxy {

class StateFile {
public:
    // An empty path keeps nothing.
    explicit StateFile(std::string path) : path_(std::move(path)) {}

    // Keeps other processes from using the file, by a lock on the file PATH.lock, since PATH
    // itself is replaced. Why they keep us from it. Where nobody can have the lock, as in a
    // folder that is read-only, there is no reason, and keep() writes nothing.
    std::optional<std::string> lock();

    // What the file holds; nothing where it does not exist. The reason where it cannot be
    // read or understood: then nothing may be written over it.
    std::variant<Overrides, std::string> load();

    // Has the file hold `said`; does nothing where it does. Locks it where that is yet to be
    // done. Why it does not afterwards.
    std::optional<std::string> keep(const Overrides& overrides);

    const std::string& path() const { return path_; }
    // Why the file does not hold what was said last.
    const std::optional<std::string>& problem() const { return problem_; }
    // When it was last written by this process.
    std::optional<std::chrono::system_clock::time_point> written_at() const { return written_at_; }

private:
    std::string text_of(const Overrides& overrides);
    std::optional<FileLock::Refusal> try_lock();

    const std::string path_;
    std::optional<FileLock> lock_;
    std::optional<std::string> held_;  // what the file is known to hold
    // Of each server, what was said and the line that says it: most stay from one text to
    // the next.
    std::map<std::string, std::map<std::string, std::pair<ServerOverrides, std::string>>> lines_;
    std::optional<std::string> problem_;
    std::optional<std::chrono::system_clock::time_point> written_at_;
};

}  // namespace ringway::proxy

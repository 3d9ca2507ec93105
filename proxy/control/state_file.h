// The file that keeps the run-time overrides over reloads, restarts and power cuts: written
// whole beside the old one, synced, renamed over it. Blocks for as long as the disk takes;
// control thread only.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "conf/result.h"
#include "proxy/control/file_lock.h"
#include "proxy/control/overrides.h"

namespace ringway::proxy {

class StateFile {
public:
    // An empty path keeps nothing.
    explicit StateFile(std::string path) : path_(std::move(path)) {}

    // Keeps other processes from using the file, by a lock on the file PATH.lock, since PATH
    // itself is replaced. Fails where another keeps us from it. Where nobody can have the lock,
    // as in a folder that is read-only, this is no failure, and keep() writes nothing.
    Result<void> lock();

    // What the file holds; nothing where it does not exist. Fails where it cannot be read or
    // understood: then nothing may be written over it.
    Result<Overrides> load();

    // Has the file hold `overrides`; does nothing where it does. Locks it where that is yet to
    // be done. Fails where it does not afterwards.
    Result<void> keep(const Overrides& overrides);

    const std::string& path() const { return path_; }
    // Why the file does not hold the last overrides.
    const std::optional<std::string>& problem() const { return problem_; }
    // When it was last written by this process.
    std::optional<std::chrono::system_clock::time_point> written_at() const { return written_at_; }

private:
    std::string text_of(const Overrides& overrides);
    Result<void, FileLock::Refusal> try_lock();
    Reason failed(std::string reason);

    const std::string path_;
    std::optional<FileLock> lock_;
    std::optional<std::string> held_;  // what the file is known to hold
    // Of each server, its overrides and their line: most stay from one text to the next.
    std::map<std::string, std::map<std::string, std::pair<ServerOverrides, std::string>>> lines_;
    std::optional<std::string> problem_;
    std::optional<std::chrono::system_clock::time_point> written_at_;
};

}  // namespace ringway::proxy

// A copy of all keys of a prefix of etcd that follows their changes: a snapshot, then a watch from
// its revision on, on a connection of its own. A failure leaves the copy as it was, and the mirror
// connects again. At rest it waits for the peer alone. One loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "proxy/etcd/access.h"
#include "proxy/etcd/mirror_plan.h"

namespace ringway::proxy {

class EtcdMirror {
public:
    using Copy = std::map<std::string, std::string>;  // by the key without the prefix

    // On the loop. They may destroy the mirror.
    struct Events {
        // Keys that now have other values in the copy, or are there, or are gone: of one message,
        // or of a snapshot. In order, and never empty.
        std::function<void(std::span<const std::string> keys)> on_change = nullptr;
        std::function<void(const MirrorState&)> on_state = nullptr;
    };

    EtcdMirror(std::shared_ptr<EtcdAccess> access, std::string prefix, Events events);
    // Stops; nothing is called any more.
    ~EtcdMirror();
    EtcdMirror(const EtcdMirror&) = delete;
    EtcdMirror& operator=(const EtcdMirror&) = delete;

    const Copy& copy() const;
    const MirrorState& state() const;

private:
    class Follower;
    const std::shared_ptr<Follower> follower_;  // shared with its coroutine
};

}  // namespace ringway::proxy

// A mirror under test, and what it told. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/etcd/mirror.h"
#include "tests/proxy/etcd/members.h"

namespace ringway::test {

class WatchedMirror {
public:
    using Kind = proxy::MirrorState::Kind;
    using Copy = proxy::EtcdMirror::Copy;

    WatchedMirror(TestLoop& loop, conf::EtcdSettings settings, proxy::EtcdTools tools = {},
                  proxy::EtcdLimits limits = {.attempt = patience},
                  const std::string& prefix = "/p/")
        : loop_(loop),
          mirror(std::make_unique<proxy::EtcdMirror>(
              std::make_shared<proxy::EtcdAccess>(loop.io(), std::move(settings), std::move(tools),
                                                  limits),
              prefix,
              proxy::EtcdMirror::Events{
                  .on_change =
                      [this](std::span<const std::string> keys) {
                          changes.emplace_back(keys.begin(), keys.end());
                      },
                  .on_state =
                      [this](const proxy::MirrorState& state) { states.push_back(state.kind); }})) {
    }

    bool is_in_sync() const { return mirror->state().kind == Kind::in_sync; }
    bool comes_in_sync() {
        return loop_.until([&] { return is_in_sync(); }, 2 * patience);
    }
    bool is_lost() const { return mirror->state().kind == Kind::lost; }
    bool becomes(const Copy& copy) {
        return loop_.until([&] { return mirror->copy() == copy; }, 2 * patience);
    }
    const proxy::MirrorState& state() const { return mirror->state(); }

private:
    TestLoop& loop_;

public:
    std::vector<std::vector<std::string>> changes;
    std::vector<Kind> states;
    std::unique_ptr<proxy::EtcdMirror> mirror;
};

}  // namespace ringway::test

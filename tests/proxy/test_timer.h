// A deadline that calls what it was given when its time has come.
#pragma once

#include <functional>
#include <utility>

#include "proxy/net/timers.h"

namespace ringway::test {

class TestTimer final : public proxy::Timer {
public:
    explicit TestTimer(std::function<void()> act) : act_(std::move(act)) {}
    void on_deadline() override { act_(); }

private:
    const std::function<void()> act_;
};

}  // namespace ringway::test

// A Control with a file of its own: one listener "front" and a pool "main" of two
// servers that the test plays, "a" and "b" of weight 2. Test thread, but for run().
#pragma once

#include <signal.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"
#include "proxy/control/control.h"
#include "proxy/control/signals.h"
#include "tests/proxy/captured_log.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"

namespace ringway::test {

class ControlRig {
public:
    ControlRig() { write(yaml()); }
    // One signal too many is not for the next test.
    ~ControlRig() {
        sigset_t pending;
        for (const timespec now{}; ::sigpending(&pending) == 0;) {
            if (::sigtimedwait(&pending, nullptr, &now) < 0) break;
        }
        proxy::restore_signals(mask_);
    }
    ControlRig(const ControlRig&) = delete;
    ControlRig& operator=(const ControlRig&) = delete;

    // Writes the file.
    void write(std::string_view text) const { dir_.write("ringway.yaml", text); }

    // The file with more entries at the end of the pool and of the whole.
    std::string yaml(std::string_view of_pool = "", std::string_view at_end = "") const {
        const auto address = [](const Fd& socket) { return local_endpoint(socket).to_string(); };
        std::string text = "version: 1\nworkers: 1\n";
        text += "listeners:\n  - {name: front, bind: \"" + bind().to_string() +
                "\", pool: main, key: first_line}\n";
        text += "admin: {socket: \"" + admin_path() + "\"}\n";
        text += "pools:\n  main:\n    hash: {vnodes: 16}\n    servers:\n";
        text += "      - {id: a, address: \"" + address(a) + "\"}\n";
        text += "      - {id: b, address: \"" + address(b) + "\", weight: 2}\n";
        text += of_pool;
        text += at_end;
        return text;
    }

    std::string file() const { return dir_.path("ringway.yaml"); }
    std::string admin_path() const { return dir_.path("admin.sock"); }
    conf::Endpoint bind() const { return port_.endpoint(); }
    const CapturedLog& log() const { return log_; }

    conf::Config parsed() const {
        auto text = conf::read_file(file());
        BOOST_REQUIRE(text.has_value());
        auto config = conf::parse(*text);
        if (!config) BOOST_FAIL(config.error().front().to_string(file()));
        return std::move(*config);
    }

    // The two servers.
    const Fd a = listening_socket();
    const Fd b = listening_socket();

private:
    const sigset_t mask_ = proxy::block_signals();  // before any thread is started
    const TempDir dir_;
    const CapturedLog log_;
    const ReservedPort port_;
};

}  // namespace ringway::test

// The state of control as JSON: the answers of the admin socket and of the HTTP endpoint. Control
// thread only.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "conf/result.h"

namespace ringway::proxy {

class Control;
struct Listener;
struct Pool;

// A report of a pool or server that does not exist fails; the reason is escaped for a terminal.
using Report = Result<boost::json::object>;

// The whole proxy: configuration, listeners, pools.
boost::json::object report_status(const Control& control);
boost::json::object report_log(const Control& control);

// The servers of one pool, or of all where `only` is nullptr.
Report report_servers(const Control& control, const std::string* only);

// After a change: without the shares of a ring that is not published yet.
Report report_change(const Control& control, const std::string& pool, const std::string& id);
Report report_server(const Control& control, const std::string& pool, const std::string& id);

// The circle of a pool: shares, points, and the owner of each of 1,440 equal slices.
Report report_ring(const Control& control, const std::string& pool);

// The last `count` events, newest last.
boost::json::object report_events(const Control& control, std::size_t count);

// A listener's handshakes and the certificate that expires first; null if it does not end TLS.
boost::json::value report_tls(const Listener& listener);
// Whether a pool's servers are verified, and the handshakes with them; null if it speaks no TLS.
boost::json::value report_tls(const Pool& pool);

// The certificates that are shown: by listeners to clients, by pools to servers.
boost::json::object report_certificates(const Control& control);

// The run-time overrides, also of pools that do not exist.
boost::json::object report_overrides(const Control& control);

// Where a client of a listener goes that shows so much of itself, as the words of the command
// `explain --listener` say: its route, its key, and their placement.
Report report_explain_client(const Control& control, std::span<const std::string> words);

// The placement of a key now, and why the servers before it in the walk are passed over.
Report report_explain(const Control& control, const std::string& pool, const std::string& key);

}  // namespace ringway::proxy
